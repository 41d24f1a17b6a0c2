// The development page: ?scenario=…&theme=light|dark|contrast|none&width=…&height=…

import { createRoot } from 'react-dom/client';

import { makeSanitizer } from '../src/sanitize';
import { SessionStore } from '../src/store';
import { makeStrings } from '../src/strings';
import { SessionView } from '../src/view/session_view';
import { scenarios } from './scenarios';
import { outputs, panels } from './screens';

const query = new URLSearchParams(location.search);
const scenario = query.get('scenario') ?? 'form';

function theSession() {
  const port = (scenarios[scenario] ?? scenarios['form'])();
  const store = new SessionStore(port);
  Object.assign(window, { hitlPort: port, hitlStore: store });
  return <SessionView store={store} strings={makeStrings()} sanitize={makeSanitizer(window)} />;
}

const place = document.getElementById('place');

if (place !== null) {
  const isPanel = panels[scenario] !== undefined;
  place.style.width = `${query.get('width') ?? (isPanel ? '320' : '900')}px`;
  if (isPanel) {
    place.style.height = `${query.get('height') ?? '760'}px`;
    place.className = 'panel';
  }
  const shown = panels[scenario] ?? outputs[scenario] ?? theSession;
  createRoot(place).render(shown());
}

const menu = document.getElementById('menu');
for (const name of Object.keys({ ...scenarios, ...outputs, ...panels })) {
  const link = document.createElement('a');
  link.href = `?${new URLSearchParams({ ...Object.fromEntries(query), scenario: name })}`;
  link.textContent = name;
  menu?.append(link, ' ');
}
