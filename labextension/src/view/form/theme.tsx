// The look of generated forms: labels above compact inputs, as in JupyterLab's settings.

import { withTheme } from '@rjsf/core';
import { descriptionId, errorId, getUiOptions, helpId } from '@rjsf/utils';
import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  DescriptionFieldProps,
  FieldErrorProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
  RJSFSchema
} from '@rjsf/utils';
import { useEffect, useRef } from 'react';

import { useHost } from '../context';
import { ActionIcon } from '../icons';
import { Checkboxes, Radios, Select } from './choices';
import { isMultiChoice } from './schema';
import type { FormValues } from './schema';

const GROUPS = new Set(['checkboxes', 'radio']);

/** What a reader says of a control: RJSF names texts that may not be there, and does not say which is wrong. */
function describe(control: HTMLElement, id: string, invalid: boolean): void {
  const there = [errorId(id), descriptionId(id), helpId(id)].filter(
    text => control.ownerDocument.getElementById(text) !== null
  );
  control.setAttribute('aria-invalid', String(invalid));
  if (there.length > 0) {
    control.setAttribute('aria-describedby', there.join(' '));
  } else {
    control.removeAttribute('aria-describedby');
  }
}

function FieldTemplate(props: FieldTemplateProps) {
  const { id, label, required, displayLabel, hidden, children, errors, help, description } = props;
  const { rawErrors = [], schema, uiSchema } = props;
  const words = useHost().strings.question;
  const field = useRef<HTMLDivElement>(null);
  const invalid = rawErrors.length > 0;
  const isLeaf = schema.type !== 'object';
  useEffect(() => {
    if (isLeaf) {
      field.current
        ?.querySelectorAll<HTMLElement>('input, select, textarea')
        .forEach(control => describe(control, id, invalid));
    }
  });
  if (hidden) {
    return <div hidden>{children}</div>;
  }
  const isGroup = GROUPS.has(String(getUiOptions(uiSchema).widget)) || isMultiChoice(schema);
  // "Tags-1" says nothing to the eye that the place in the list does not.
  const isScalarItem = isLeaf && typeof props.fieldPathId.path.at(-1) === 'number';
  const labelId = `${id}__label`;
  const text = (
    <>
      {label}
      {required && (
        <span className="jp-hitl-Required" title={words.requiredMark}>
          *
        </span>
      )}
    </>
  );
  return (
    <div
      ref={field}
      className="jp-hitl-Field"
      data-invalid={invalid && isLeaf}
      role={isGroup ? 'group' : undefined}
      aria-labelledby={isGroup ? labelId : undefined}
    >
      {displayLabel &&
        (isGroup ? (
          <span className="jp-hitl-Label" id={labelId}>
            {text}
          </span>
        ) : (
          <label className={isScalarItem ? 'jp-hitl-Hidden' : 'jp-hitl-Label'} htmlFor={id}>
            {text}
          </label>
        ))}
      {displayLabel && description}
      {children}
      {errors}
      {help}
    </div>
  );
}

function ObjectFieldTemplate(props: ObjectFieldTemplateProps) {
  const { fieldPathId, title, description, properties } = props;
  const isRoot = fieldPathId.path.length === 0;
  const fields = properties.filter(property => !property.hidden).map(property => property.content);
  if (isRoot) {
    return (
      <div className="jp-hitl-Fields">
        {description && <p className="jp-hitl-Note">{description}</p>}
        {fields}
      </div>
    );
  }
  return (
    <fieldset className="jp-hitl-Group" id={fieldPathId.$id}>
      {title && <legend className="jp-hitl-Label">{title}</legend>}
      {description && <p className="jp-hitl-Note">{description}</p>}
      <div className="jp-hitl-Fields">{fields}</div>
    </fieldset>
  );
}

function ArrayFieldTemplate(props: ArrayFieldTemplateProps) {
  const { fieldPathId, title, schema, items, canAdd, onAddClick, disabled, readonly } = props;
  const words = useHost().strings.question;
  return (
    <fieldset className="jp-hitl-Group" id={fieldPathId.$id}>
      {title && <legend className="jp-hitl-Label">{title}</legend>}
      {schema.description && <p className="jp-hitl-Note">{schema.description}</p>}
      <div className="jp-hitl-Items">{items}</div>
      {canAdd && (
        <button
          type="button"
          className="jp-hitl-Button"
          disabled={disabled || readonly}
          onClick={onAddClick}
        >
          <ActionIcon name="plus" />
          {words.addItem}
        </button>
      )}
    </fieldset>
  );
}

function ArrayFieldItemTemplate({
  children,
  buttonsProps,
  hasToolbar
}: ArrayFieldItemTemplateProps) {
  const words = useHost().strings.question;
  return (
    <div className="jp-hitl-Item">
      <div className="jp-hitl-Item-field">{children}</div>
      {hasToolbar && buttonsProps.hasRemove && (
        <button
          type="button"
          className="jp-hitl-Tool"
          title={words.removeItem}
          aria-label={words.removeItem}
          disabled={buttonsProps.disabled || buttonsProps.readonly}
          onClick={buttonsProps.onRemoveItem}
        >
          <ActionIcon name="close" />
        </button>
      )}
    </div>
  );
}

function DescriptionFieldTemplate({ id, description }: DescriptionFieldProps) {
  return description ? (
    <div className="jp-hitl-Help" id={id}>
      {description}
    </div>
  ) : null;
}

function FieldErrorTemplate({ errors = [], fieldPathId }: FieldErrorProps) {
  return errors.length > 0 ? (
    <div className="jp-hitl-FieldError" id={errorId(fieldPathId)}>
      {errors.map((error, index) => (
        <div key={index}>{error}</div>
      ))}
    </div>
  ) : null;
}

function FieldHelpTemplate({
  help,
  fieldPathId
}: {
  help?: unknown;
  fieldPathId: { $id: string };
}) {
  return typeof help === 'string' && help !== '' ? (
    <div className="jp-hitl-Help" id={helpId(fieldPathId.$id)}>
      {help}
    </div>
  ) : null;
}

export const ThemedForm = withTheme<FormValues, RJSFSchema>({
  templates: {
    FieldTemplate,
    ObjectFieldTemplate,
    ArrayFieldTemplate,
    ArrayFieldItemTemplate,
    DescriptionFieldTemplate,
    FieldErrorTemplate,
    FieldHelpTemplate
  },
  widgets: { CheckboxesWidget: Checkboxes, RadioWidget: Radios, SelectWidget: Select }
});
