// Errors of a form's fields, from the host and from the schema, in words for people.

import { ErrorSchemaBuilder } from '@rjsf/utils';
import type { ErrorSchema, ErrorTransformer, RJSFValidationError } from '@rjsf/utils';

import type { Values } from '../../drafts';
import type { FieldError } from '../../port';
import type { FormValues } from './schema';

/** The host's errors at their fields. */
export function errorSchemaOf(errors: readonly FieldError[]): ErrorSchema<FormValues> {
  const builder = new ErrorSchemaBuilder<FormValues>();
  for (const { field, message } of errors) {
    if (field !== '') {
      builder.addErrors(message, field.split('.'));
    }
  }
  return builder.ErrorSchema;
}

/** Errors whose top-level field still has the value that was refused. */
export function stillValid(
  errors: readonly FieldError[],
  refused: Values,
  now: Values
): readonly FieldError[] {
  return errors.filter(({ field }) => {
    const name = field.split('.', 1)[0];
    return field === '' || JSON.stringify(refused[name]) === JSON.stringify(now[name]);
  });
}

/** Schema errors as sentences: "Required", "Must be >= 1". */
export function plainErrors(required: string): ErrorTransformer<FormValues> {
  const plain = (error: RJSFValidationError): RJSFValidationError => {
    const missing =
      error.name === 'required' ||
      (error.name === 'minLength' && error.params?.limit === 1) ||
      (error.name === 'minItems' && error.params?.limit === 1);
    const message = missing ? required : capitalised(error.message ?? '');
    return { ...error, message, stack: message };
  };
  return errors => errors.map(plain);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
