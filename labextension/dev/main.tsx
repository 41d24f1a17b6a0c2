// The development page: ?scenario=…&theme=light|dark|contrast|none&width=…

import { createRoot } from 'react-dom/client';

import { SessionStore } from '../src/store';
import { makeStrings } from '../src/strings';
import { SessionView } from '../src/view/session_view';
import { makeSanitizer } from '../src/sanitize';
import { scenarios } from './scenarios';

const query = new URLSearchParams(location.search);
const scenario = query.get('scenario') ?? 'form';
const port = (scenarios[scenario] ?? scenarios['form'])();
const store = new SessionStore(port);
const strings = makeStrings();
const place = document.getElementById('place');

Object.assign(window, { hitlPort: port, hitlStore: store });

if (place !== null) {
  place.style.width = `${query.get('width') ?? '900'}px`;
  createRoot(place).render(
    <SessionView store={store} strings={strings} sanitize={makeSanitizer(window)} />
  );
}

const menu = document.getElementById('menu');
for (const name of Object.keys(scenarios)) {
  const link = document.createElement('a');
  link.href = `?${new URLSearchParams({ ...Object.fromEntries(query), scenario: name })}`;
  link.textContent = name;
  menu?.append(link, ' ');
}
