// A request's JSON Schema made ready for drawing, and its values made ready for sending.

import type { Experimental_DefaultFormStateBehavior, RJSFSchema, UiSchema } from '@rjsf/utils';

import type { Values } from '../../drafts';
import type { Json } from '../../protocol';

/** What RJSF calls the data of a form; its own types are too deep for the recursive `Json`. */
export type FormValues = Readonly<Record<string, unknown>>;

type JsonObject = Readonly<Record<string, Json>>;

/**
 * What is filled in before anybody touched the form: the defaults that the author wrote, and nothing else. By itself
 * RJSF would choose the first of several options, and "no" for a required yes-or-no.
 */
export const ONLY_WRITTEN_DEFAULTS: Experimental_DefaultFormStateBehavior = {
  constAsDefaults: 'never',
  requiredBooleanDefault: 'skip',
  arrayMinItems: { populate: 'requiredOnly' }
};

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isNullType(value: Json): boolean {
  return isObject(value) && value['type'] === 'null';
}

/** For `X | None` the schema of X, with the title, description and default that stood beside the choice. */
function nonNull(schema: JsonObject): JsonObject | null {
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (!Array.isArray(choices) || !choices.some(isNullType)) {
    return null;
  }
  const left = choices.filter((choice: Json) => !isNullType(choice));
  const beside = Object.fromEntries(
    Object.entries(schema).filter(
      ([name, value]) =>
        name !== 'anyOf' && name !== 'oneOf' && !(name === 'default' && value === null)
    )
  );
  return left.length === 1 && isObject(left[0])
    ? { ...left[0], ...beside }
    : { ...beside, anyOf: left };
}

/** The same schema with every `X | None` as an X that may be left empty, and constants filled in. */
export function drawable(schema: Json): Json {
  if (Array.isArray(schema)) {
    return schema.map(drawable);
  }
  if (!isObject(schema)) {
    return schema;
  }
  const plain = nonNull(schema) ?? schema;
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [
      name,
      name === 'default' || name === 'enum' || name === 'const' || name === 'examples'
        ? value
        : name === 'properties' && isObject(value)
          ? withConstants(drawable(value))
          : drawable(value)
    ])
  );
}

/** A field that can hold one value only, such as the mark of a union's branch, is no choice of anybody's. */
function withConstants(properties: Json): Json {
  return isObject(properties)
    ? Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [
          name,
          isObject(field) && 'const' in field
            ? { default: field['const'], readOnly: true, ...field }
            : field
        ])
      )
    : properties;
}

function propertiesOf(schema: JsonObject): Readonly<Record<string, JsonObject>> {
  const properties = schema['properties'];
  return isObject(properties) ? (properties as Readonly<Record<string, JsonObject>>) : {};
}

/** Follow a `$ref` into `$defs`. */
function resolved(schema: JsonObject, root: JsonObject): JsonObject {
  const name = /^#\/(\$defs|definitions)\/(.+)$/.exec(String(schema['$ref'] ?? ''));
  const definitions = name === null ? undefined : root[name[1]];
  const target = isObject(definitions) && name !== null ? definitions[name[2]] : undefined;
  return isObject(target) ? { ...target, ...schema } : schema;
}

/** Whether the schema takes several of a list of options. */
export function isMultiChoice(schema: RJSFSchema | JsonObject, root: JsonObject = {}): boolean {
  const { type, items } = schema as JsonObject;
  const isList = type === 'array' || (Array.isArray(type) && type.includes('array'));
  return isList && isObject(items) && isChoice(resolved(items, root));
}

function isChoice({ enum: values, oneOf }: JsonObject): boolean {
  return (
    Array.isArray(values) ||
    (Array.isArray(oneOf) && oneOf.every((option: Json) => isObject(option) && 'const' in option))
  );
}

/** The host's `ui_schema`, with checkboxes for several choices and a complete order. */
export function drawableUi(uiSchema: JsonObject, schema: JsonObject): UiSchema {
  const ui: Record<string, unknown> = { ...uiSchema };
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const given = isObject(uiSchema[name]) ? uiSchema[name] : {};
    if (isMultiChoice(property, schema) && given['ui:widget'] === undefined) {
      ui[name] = { ...given, 'ui:widget': 'checkboxes' };
    }
  }
  const order = uiSchema['ui:order'];
  if (Array.isArray(order)) {
    const known = order.filter((name: Json) => String(name) in propertiesOf(schema));
    ui['ui:order'] = [...known, '*'];
  }
  return ui as UiSchema;
}

export function asRjsf(schema: JsonObject): RJSFSchema {
  return schema as unknown as RJSFSchema;
}

/** Values without nulls: an empty field is an absent one while a form is filled in. */
export function withoutNulls(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, isObject(value) ? withoutNulls(value) : value])
  );
}

/** Values as the host wants them: what may be null and was left empty is null, not the default. */
export function withNulls(values: Values, schema: JsonObject): Values {
  const filled: Record<string, Json> = { ...values };
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const value = filled[name];
    if (value === undefined && nonNull(property) !== null) {
      filled[name] = null;
    } else if (isObject(value)) {
      filled[name] = withNulls(value, resolved(property, schema));
    }
  }
  return filled;
}

function isSecret(schema: JsonObject): boolean {
  return schema['writeOnly'] === true || schema['format'] === 'password';
}

const UNIONS = ['anyOf', 'oneOf', 'allOf'];

/** A schema that refers to itself is read no deeper than this. */
const DEEPEST = 8;

/** The schema and the branches it may be read by. */
function facets(schema: JsonObject, root: JsonObject, depth = 0): readonly JsonObject[] {
  const facet = resolved(schema, root);
  const branches = depth < DEEPEST ? UNIONS.flatMap(name => objectsIn(facet[name])) : [];
  return [facet, ...branches.flatMap(branch => facets(branch, root, depth + 1))];
}

function objectsIn(schemas: Json | undefined): readonly JsonObject[] {
  return Array.isArray(schemas) ? schemas.filter(isObject) : [];
}

/** What may stand in a member of that name, by any branch. */
function memberSchemas(name: string, all: readonly JsonObject[]): readonly JsonObject[] {
  return all.flatMap(facet => {
    const member = propertiesOf(facet)[name] ?? facet['additionalProperties'];
    return isObject(member) ? [member] : [];
  });
}

function itemSchemas(index: number, all: readonly JsonObject[]): readonly JsonObject[] {
  return all.flatMap(facet => {
    const item = objectsIn(facet['prefixItems'])[index] ?? facet['items'];
    return isObject(item) ? [item] : [];
  });
}

/** Values that may be stored as a draft: passwords and tokens are left out, at any depth, in any branch of a union. */
export function withoutSecrets(values: Values, schema: JsonObject, root = schema): Values {
  return secretlessMembers(values, facets(schema, root), root);
}

function secretlessMembers(values: Values, all: readonly JsonObject[], root: JsonObject): Values {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const kept = secretless(value, memberSchemas(name, all), root);
      return kept === undefined ? [] : [[name, kept]];
    })
  );
}

/** Undefined for a secret. */
function secretless(
  value: Json,
  schemas: readonly JsonObject[],
  root: JsonObject
): Json | undefined {
  const all = schemas.flatMap(schema => facets(schema, root));
  if (all.some(isSecret)) {
    return undefined;
  }
  if (isObject(value)) {
    return secretlessMembers(value, all, root);
  }
  return Array.isArray(value)
    ? value.flatMap((each: Json, index) => {
        const kept = secretless(each, itemSchemas(index, all), root);
        return kept === undefined ? [] : [kept];
      })
    : value;
}
