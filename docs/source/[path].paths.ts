import { defineRoutes } from 'vitepress'
import { sourceName } from '../data/addresses.ts'
import { linkedSources } from '../data/linked.ts'
import { source } from '../render/source.ts'

/** Files of the repository that a page links to, so that no link leaves the site for a file. */
export default defineRoutes({
  watch: ['../../{stages,packages}/*/README.md', '../../*.md', '../data/claims.json'],
  paths: () => linkedSources().map((path) => ({ params: { path: sourceName(path) }, content: source(path) })),
})
