import { describe, expect, test } from 'vitest';

import type { Values } from '../src/drafts';
import { errorSchemaOf, stillValid } from '../src/view/form/errors';
import {
  drawable,
  drawableUi,
  withNulls,
  withoutNulls,
  withoutSecrets
} from '../src/view/form/schema';

const optionalDepth: Values = {
  type: 'object',
  properties: {
    depth: {
      anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }],
      default: null,
      title: 'Depth'
    },
    name: { type: 'string' }
  }
};

describe('an optional field', () => {
  test('is drawn as its one type', () => {
    expect(drawable(optionalDepth)).toEqual({
      type: 'object',
      properties: {
        depth: { type: 'integer', minimum: 1, title: 'Depth' },
        name: { type: 'string' }
      }
    });
  });

  test('left empty is sent as null, and others are left out', () => {
    expect(withNulls({}, optionalDepth)).toEqual({ depth: null });
    expect(withNulls({ depth: 3 }, optionalDepth)).toEqual({ depth: 3 });
  });

  test('given as null is an empty field', () => {
    expect(withoutNulls({ depth: null, name: 'a', in: { x: null } })).toEqual({
      name: 'a',
      in: {}
    });
  });

  test('keeps a real choice between types', () => {
    const either = { anyOf: [{ type: 'integer' }, { type: 'string' }, { type: 'null' }] };
    expect(drawable(either)).toEqual({ anyOf: [{ type: 'integer' }, { type: 'string' }] });
  });
});

test('several choices are checkboxes, unless the author says otherwise', () => {
  const schema = {
    properties: {
      a: { type: 'array', items: { enum: ['x'] } },
      b: { type: 'array', items: { $ref: '#/$defs/E' } },
      c: { type: 'array', items: { enum: ['x'] } },
      d: { type: 'array', items: { type: 'string' } }
    },
    $defs: { E: { enum: ['y'] } }
  };
  const ui = drawableUi({ c: { 'ui:widget': 'select' } }, schema);
  expect(ui['a']).toEqual({ 'ui:widget': 'checkboxes' });
  expect(ui['b']).toEqual({ 'ui:widget': 'checkboxes' });
  expect(ui['c']).toEqual({ 'ui:widget': 'select' });
  expect(ui['d']).toBeUndefined();
});

test('the order of the host is kept, without names that are gone', () => {
  const ui = drawableUi({ 'ui:order': ['name', 'gone', 'depth'] }, optionalDepth);
  expect(ui['ui:order']).toEqual(['name', 'depth', '*']);
});

test('no secret is in a draft, at any depth', () => {
  const schema: Values = {
    properties: {
      user: { type: 'string' },
      token: { type: 'string', writeOnly: true },
      pin: { anyOf: [{ type: 'string', format: 'password' }, { type: 'null' }] },
      server: { $ref: '#/$defs/Server' },
      servers: { type: 'array', items: { $ref: '#/$defs/Server' } },
      keys: { type: 'array', items: { type: 'string', format: 'password' } }
    },
    $defs: {
      Server: { properties: { host: {}, key: { type: 'string', format: 'password' } } }
    }
  };
  const server = { host: 'h', key: 'secret' };
  const values = { user: 'u', token: 's', pin: 's', server, servers: [server], keys: ['s'] };
  expect(withoutSecrets(values, schema)).toEqual({
    user: 'u',
    server: { host: 'h' },
    servers: [{ host: 'h' }],
    keys: []
  });
});

test('a secret in any branch of a union, in a mapping or in a tuple is left out of a draft', () => {
  const token = { type: 'string', format: 'password' };
  const schema: Values = {
    $defs: {
      Token: { type: 'object', properties: { token, note: { type: 'string' } } },
      Basic: { type: 'object', properties: { user: { type: 'string' }, password: token } }
    },
    properties: {
      auth: { anyOf: [{ $ref: '#/$defs/Token' }, { $ref: '#/$defs/Basic' }, { type: 'null' }] },
      byHost: { type: 'object', additionalProperties: token },
      pair: { type: 'array', prefixItems: [{ type: 'string' }, token] },
      mixed: { type: 'array', items: { oneOf: [{ type: 'integer' }, token] } }
    }
  };
  const values = {
    auth: { token: 's3', note: 'mine' },
    byHost: { a: 's3' },
    pair: ['user', 's3'],
    mixed: ['s3']
  };
  expect(withoutSecrets(values, schema)).toEqual({
    auth: { note: 'mine' },
    byHost: {},
    pair: ['user'],
    mixed: []
  });
});

test('errors of the host stand at their fields, by paths in dots', () => {
  const errors = [
    { field: 'address.street', message: 'unknown' },
    { field: 'tags.1', message: 'empty' },
    { field: '', message: 'not shown at a field' }
  ];
  expect(errorSchemaOf(errors)).toEqual({
    address: { street: { __errors: ['unknown'] } },
    tags: { 1: { __errors: ['empty'] } }
  });
});

test('an error goes when its field is changed', () => {
  const errors = [
    { field: 'a.b', message: '' },
    { field: 'c', message: '' }
  ];
  const left = stillValid(errors, { a: { b: 1 }, c: 2 }, { a: { b: 9 }, c: 2 });
  expect(left.map(error => error.field)).toEqual(['c']);
});
