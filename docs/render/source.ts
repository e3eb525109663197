import { readdirSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { isFolder, sourceName } from '../data/addresses.ts'
import { readText, repositoryRoot } from '../data/repository.ts'
import { readme } from './readme.ts'
import { plain } from './table.ts'

/** Longer files are named, not shown. */
const charactersMax = 60_000

/** A file of the repository as a page: Markdown as it reads, code as code, a folder by the names in it. */
export function source(path: string): string {
  if (isFolder(path)) return folder(path)
  if (extname(path) === '.md') return readme(path, '', [])
  const text = readText(path) ?? ''
  const heading = `# ${plain(basename(path))}\n\n\`${path}\``
  if (text.length > charactersMax) return `${heading}\n\nThis file is too long to be shown here.`
  // A fence longer than any that the file contains.
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length + 1)))
  return `${heading}\n\n${fence}${languages[extname(path)] ?? 'txt'}\n${text.trimEnd()}\n${fence}`
}

function folder(path: string): string {
  const names = readdirSync(join(repositoryRoot, path), { withFileTypes: true })
    .filter(({ name }) => !hidden.has(name))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .toSorted()
  const list = names.map((name) => `- \`${name}\``).join('\n')
  return `# ${plain(sourceName(basename(path)))}\n\nThe folder \`${path}\` contains\n\n${list || '- nothing yet'}`
}

const hidden = new Set(['node_modules', 'dist', 'build'])

const languages: Readonly<Record<string, string>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.js': 'js',
  '.mjs': 'js',
  '.json': 'json',
  '.go': 'go',
  '.sh': 'sh',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.lua': 'lua',
  '.sql': 'sql',
  '.proto': 'proto',
}
