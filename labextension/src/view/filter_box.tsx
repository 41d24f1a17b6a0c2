// A box that narrows a list as one types, like the ones of JupyterLab's own panels.

import { ActionIcon } from './icons';

interface FilterBoxProps {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
  readonly onChange: (value: string) => void;
  /** Down leads into the list. */
  readonly onLeave: () => void;
}

export function FilterBox({ value, label, hint, onChange, onLeave }: FilterBoxProps) {
  return (
    <search className="jp-hitl-Filter">
      <ActionIcon name="find" />
      <input
        type="search"
        className="jp-hitl-Input"
        aria-label={label}
        placeholder={label}
        title={hint}
        value={value}
        onChange={event => onChange(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && value !== '') {
            event.preventDefault();
            event.stopPropagation();
            onChange('');
          } else if (event.key === 'ArrowDown') {
            event.preventDefault();
            onLeave();
          }
        }}
      />
    </search>
  );
}
