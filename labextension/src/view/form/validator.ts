// The schema check in the browser, for quick errors only: the host checks again and decides.

// The bundle with the view is itself only loaded when a session is shown.
// eslint-disable-next-line jupyter/prefer-lazy-imports
import { customizeValidator } from '@rjsf/validator-ajv8';
import type { RJSFSchema, ValidatorType } from '@rjsf/utils';

import type { FormValues } from './schema';

/**
 * ajv compiles schemas with `new Function`, which a strict Content-Security-Policy forbids, and it refuses a schema
 * that it does not understand. Neither may keep a person from answering: then the host's check is the only one.
 */
function tolerant(inner: ValidatorType<FormValues>): ValidatorType<FormValues> {
  const attempted = <T>(check: () => T, otherwise: T): T => {
    try {
      return check();
    } catch {
      return otherwise;
    }
  };
  return {
    validateFormData: (...args) => {
      const found = attempted(() => inner.validateFormData(...args), {
        errors: [],
        errorSchema: {}
      });
      const broken = found.errors.some(error => error.name === undefined);
      return broken ? { errors: [], errorSchema: {} } : found;
    },
    isValid: (schema: RJSFSchema, values, root) =>
      attempted(() => inner.isValid(schema, values, root), true),
    rawValidation: (schema, values) => attempted(() => inner.rawValidation(schema, values), {}),
    reset: () => inner.reset?.()
  };
}

export const validator = tolerant(customizeValidator<FormValues>());
