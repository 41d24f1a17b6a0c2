// Choosing: several of a list as check boxes; one as radio buttons, or of a long list as a drop-down.

import { enumOptionsIsSelected, optionId } from '@rjsf/utils';
import type { WidgetProps } from '@rjsf/utils';

import { useHost } from '../context';

/** With more options than these the list scrolls, and says how many are chosen. */
const IN_SIGHT = 7;

export function Checkboxes({
  id,
  value,
  options,
  schema,
  disabled,
  readonly,
  ...rest
}: WidgetProps) {
  const all = options.enumOptions ?? [];
  const chosen: readonly unknown[] = Array.isArray(value) ? value : [];
  const locked = disabled || readonly;
  const isChosen = (option: unknown) => enumOptionsIsSelected(option, chosen as unknown[]);
  /** In the order of the options, whatever the order of the clicks. */
  const choose = (wanted: (option: unknown) => boolean) =>
    rest.onChange(all.map(option => option.value as unknown).filter(wanted));
  const many = all.length > IN_SIGHT;
  return (
    <div className="jp-hitl-Choices" data-many={many}>
      {many && (
        <ChoicesBar
          chosen={all.filter(option => isChosen(option.value)).length}
          of={all.length}
          onAll={
            locked || (schema.maxItems ?? Infinity) < all.length
              ? undefined
              : () => choose(() => true)
          }
          onNone={locked ? undefined : () => choose(() => false)}
        />
      )}
      <div className="checkboxes" id={id}>
        {all.map((option, index) => (
          <label key={index}>
            <input
              id={optionId(id, index)}
              type="checkbox"
              checked={isChosen(option.value)}
              disabled={locked}
              onChange={({ target }) =>
                choose(each => (each === option.value ? target.checked : isChosen(each)))
              }
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </div>
  );
}

interface ChoicesBarProps {
  readonly chosen: number;
  readonly of: number;
  readonly onAll: (() => void) | undefined;
  readonly onNone: (() => void) | undefined;
}

function ChoicesBar({ chosen, of, onAll, onNone }: ChoicesBarProps) {
  const words = useHost().strings.question;
  return (
    <div className="jp-hitl-Choices-bar">
      <span className="jp-hitl-Count" role="status">
        {words.chosen(chosen, of)}
      </span>
      <span className="jp-hitl-Spring" />
      {onAll !== undefined && (
        <button
          type="button"
          className="jp-hitl-Link"
          aria-label={words.chooseAll}
          aria-disabled={chosen === of}
          onClick={onAll}
        >
          {words.all}
        </button>
      )}
      {onNone !== undefined && (
        <button
          type="button"
          className="jp-hitl-Link"
          aria-label={words.chooseNone}
          aria-disabled={chosen === 0}
          onClick={onNone}
        >
          {words.none}
        </button>
      )}
    </div>
  );
}

export function Radios({ id, value, options, disabled, readonly, onChange }: WidgetProps) {
  return (
    <div className="radios" id={id}>
      {(options.enumOptions ?? []).map((option, index) => (
        <label key={index}>
          <input
            id={optionId(id, index)}
            type="radio"
            name={id}
            checked={enumOptionsIsSelected(option.value, value as unknown)}
            disabled={disabled || readonly}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </div>
  );
}

/** A list of which one is chosen. Its first line is no choice, so that the first option is not one by itself. */
export function Select(props: WidgetProps) {
  const words = useHost().strings.question;
  const { id, value, options, schema, required, disabled, readonly, onChange } = props;
  const all = options.enumOptions ?? [];
  if (props.multiple) {
    return <Checkboxes {...props} />;
  }
  const chosen = all.findIndex(option => enumOptionsIsSelected(option.value, value));
  return (
    <select
      id={id}
      className="form-control"
      value={chosen === -1 ? '' : chosen}
      required={required}
      disabled={disabled || readonly}
      onChange={({ target }) =>
        onChange(target.value === '' ? options.emptyValue : all[Number(target.value)].value)
      }
    >
      {(chosen === -1 || schema.default === undefined) && (
        <option value="">{props.placeholder || words.choose}</option>
      )}
      {all.map((option, index) => (
        <option key={index} value={index}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
