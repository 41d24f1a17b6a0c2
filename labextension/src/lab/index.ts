// JupyterLab's and Notebook's part: small plugins, so that any can be disabled.

import { commandsPlugin } from './commands';
import { noticesPlugin } from './notices';
import { outputPlugin } from './output';
import { panelPlugin } from './panel';
import { runningPlugin } from './running';
import { serverCheckPlugin, serverPlugin } from './server';
import { inboxPlugin, sessionsPlugin } from './sessions';
import { statusPlugin } from './status_item';
import { tabsPlugin } from './tabs';

export default [
  serverPlugin,
  serverCheckPlugin,
  sessionsPlugin,
  inboxPlugin,
  outputPlugin,
  panelPlugin,
  tabsPlugin,
  noticesPlugin,
  runningPlugin,
  statusPlugin,
  commandsPlugin
];
