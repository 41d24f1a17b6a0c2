// Build the development page into dev/dist, with JupyterLab's own theme variables; --serve watches and serves it.

import { copyFileSync, mkdirSync } from 'node:fs';
import { context } from 'esbuild';

const OUT = 'dev/dist';
const THEMES = {
  light: 'theme-light-extension',
  dark: 'theme-dark-extension',
  contrast: 'theme-dark-high-contrast-extension'
};

mkdirSync(OUT, { recursive: true });
copyFileSync('dev/index.html', `${OUT}/index.html`);
for (const [name, extension] of Object.entries(THEMES)) {
  copyFileSync(`node_modules/@jupyterlab/${extension}/style/variables.css`, `${OUT}/${name}.css`);
}

const bundler = await context({
  entryPoints: { main: 'dev/main.tsx', index: 'style/index.css' },
  outdir: OUT,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  minify: true,
  define: { 'process.env.NODE_ENV': '"production"' }
});

if (process.argv.includes('--serve')) {
  await bundler.watch();
  const { port } = await bundler.serve({ servedir: OUT, host: '127.0.0.1' });
  console.log(`http://127.0.0.1:${port}/?scenario=form&theme=light`);
} else {
  await bundler.rebuild();
  await bundler.dispose();
}
