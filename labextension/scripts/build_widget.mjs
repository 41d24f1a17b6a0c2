// Bundle the widget into one file, which the server extension serves and the Python widget falls back to.

import { build } from 'esbuild';

const result = await build({
  entryPoints: ['src/widget/index.tsx'],
  outfile: '../hitl_jupyter/static/widget.js',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  jsx: 'automatic',
  legalComments: 'none',
  loader: { '.css': 'text' },
  define: { 'process.env.NODE_ENV': '"production"' },
  metafile: true
});

const [[, { bytes, inputs }]] = Object.entries(result.metafile.outputs);
console.log(`widget.js: ${bytes.toLocaleString('en')} bytes`);
if (process.argv.includes('--sizes')) {
  const packages = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'our own';
    packages.set(name, (packages.get(name) ?? 0) + bytesInOutput);
  }
  console.table(Object.fromEntries([...packages].sort((a, b) => b[1] - a[1]).slice(0, 15)));
}
