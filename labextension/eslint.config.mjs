import jupyter from '@jupyter/eslint-plugin';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const VIEW_MAY_NOT = ['@jupyterlab/*', '@lumino/*', '@anywidget/*', '**/widget/*', '**/lab/*'];

/** Imports that would turn the house around. */
function mayNotImport(files, group, message) {
  return {
    files,
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] }
  };
}

export default tseslint.config(
  { ignores: ['lib', 'dev/dist', 'node_modules'] },
  ...tseslint.configs.recommended,
  { plugins: { jupyter } },
  ...jupyter.configs.recommended,
  reactHooks.configs.flat['recommended-latest'],
  {
    // Not the settings schemas, which Jupyter's rules look at too.
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': ['error', { allow: ['warn'] }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', 400]
    }
  },
  mayNotImport(
    ['src/*.ts'],
    ['react', '**/view/*', ...VIEW_MAY_NOT],
    'The floor knows no view and no host.'
  ),
  mayNotImport(['src/view/**'], VIEW_MAY_NOT, 'The view knows no host.'),
  mayNotImport(
    ['src/widget/**'],
    ['@jupyterlab/*', '@lumino/*', '**/lab/*'],
    'The hosts do not know each other.'
  ),
  mayNotImport(
    ['src/lab/**'],
    ['@anywidget/*', '**/widget/*'],
    'The hosts do not know each other.'
  ),
  {
    files: ['src/lab/**'],
    // The views are one chunk: an output draws it as soon as its notebook is open.
    rules: { 'jupyter/prefer-lazy-imports': 'off' }
  },
  {
    files: ['src/lab/sessions.ts'],
    // It lends the translator to strings.ts, where every sentence stands as a literal.
    rules: { 'jupyter/no-dynamic-translation': 'off' }
  },
  { files: ['dev/**', 'test/**'], rules: { 'jupyter/no-untranslated-string': 'off' } },
  { files: ['src/protocol.ts'], rules: { 'max-lines': 'off' } },
  { files: ['scripts/*.mjs'], rules: { 'no-console': 'off' } }
);
