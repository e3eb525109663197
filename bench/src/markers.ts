import { runCommand } from '@qps/console'
import { QpsError } from '@qps/core'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scenarios } from '../scenarios/index.ts'
import { markerContent, type MarkerSources } from './marker-content.ts'
import { fillMarkers } from './marker-text.ts'
import { repositoryRoot } from './paths.ts'
import { allResults, writeAtomically } from './results-file.ts'
import { readStages } from './stages.ts'

/** The documents that may have markers. */
const documents = ['*.md', 'stages/*/README.md', 'packages/*/README.md', 'docs/**/*.md']

/**
 * Fills every marker of every document from the committed results.
 *
 * @param check write nothing. @returns paths of the documents that differ (or differed) from the results.
 */
export function fillDocuments({ check, root = repositoryRoot }: { check: boolean; root?: string }): string[] {
  const sources: MarkerSources = {
    scenarios: scenarios.map(({ name }) => name),
    results: allResults(join(root, 'bench', 'results')),
    stages: readStages(root),
  }
  const paths = globSync(documents, { cwd: root, exclude: (path) => path.includes('node_modules') }).toSorted()
  return paths.filter((path) => {
    const file = join(root, path)
    const text = readFileSync(file, 'utf8')
    const filled = fillMarkers(text, path, (name) => markerContent(name, sources))
    if (filled === text) return false
    if (!check) writeAtomically(file, filled)
    return true
  })
}

if (import.meta.main) {
  await runCommand(
    {
      name: 'npm run bench:markers --',
      usage: '[--check]',
      summary: 'Fills the tables between <!-- results:NAME --> markers from bench/results.',
      options: { check: { type: 'boolean', help: 'change nothing; fail where a document differs from the results' } },
    },
    process.argv.slice(2),
    async (command) => {
      const check = command.flag('check')
      const changed = fillDocuments({ check })
      if (check && changed.length > 0) {
        throw new QpsError('QPS_MARKER', `not as bench/results says: ${changed.join(', ')}`, {
          hint: 'npm run bench:markers',
        })
      }
      for (const path of changed) process.stdout.write(`${path}\n`)
    },
  )
}
