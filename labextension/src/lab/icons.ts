// Icons of ours, in the size and the colours of JupyterLab's own.

import { LabIcon } from '@jupyterlab/ui-components';

/** A speech bubble with a check mark in it: something is asked, and can be answered. Drawn to be read at 16 px. */
const INBOX = `
<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd" d="M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-8l-5 4.2V18H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Zm6.8 11.6 6.6-6.6-1.6-1.6-5 5-2.6-2.6-1.6 1.6 4.2 4.2Z"/>
</svg>`;

export const inboxIcon = new LabIcon({ name: 'hitl-jupyter:inbox', svgstr: INBOX.trim() });
