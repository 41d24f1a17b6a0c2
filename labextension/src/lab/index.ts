// JupyterLab's and Notebook's part: small plugins, so that any can be disabled.

import { serverCheckPlugin, serverPlugin } from './server';

export default [serverPlugin, serverCheckPlugin];
