import { existsSync, statSync } from 'node:fs'
import { dirname, extname, join, normalize } from 'node:path/posix'
import { repositoryRoot } from './repository.ts'

/** Folders whose README is a page of its own, at the same address. */
const pageFolder = /^(stages|packages)\/[^/]+$/

/**
 * Where the site shows a file or folder of the repository, as a link that VitePress understands.
 *
 * A stage or package is its page, a page of the site is itself, the top README is the home page; anything else is shown
 * as it is, under `/source/`. A folder is shown by its README where it has one.
 *
 * @param path from the top folder; it must exist.
 */
export function addressOf(path: string): string {
  const folder = path.replace(/\/README\.md$/, '')
  if (pageFolder.test(folder)) return `/${folder}.md`
  if (path === '' || path === '.' || path === 'README.md') return '/'
  if (path.startsWith('docs/') && path.endsWith('.md')) return `/${path.slice('docs/'.length)}`
  return `/source/${sourceName(path)}.md`
}

/** The source page's name: a Markdown page loses its extension, everything else is named as it is. */
export function sourceName(path: string): string {
  return extname(path) === '.md' ? path.slice(0, -'.md'.length) : path
}

/**
 * The path that a relative link of a file leads to.
 *
 * @returns the path from the top folder and the fragment; undefined for a link that leaves the repository's files (another
 *   site, a fragment of the same page, an absolute address of this site).
 * @throws Error naming the file and the link where it leads to nothing.
 */
export function targetOf(link: string, from: string): { path: string; fragment: string } | undefined {
  if (/^([a-z][a-z0-9+.-]*:|#|\/)/i.test(link)) return undefined
  const [, file = '', fragment = ''] = /^([^#?]*)(?:\?[^#]*)?(#.*)?$/.exec(link) ?? []
  let path = normalize(join(dirname(from), decodeURIComponent(file))).replace(/\/$/, '')
  if (path.startsWith('..') || !existsSync(join(repositoryRoot, path))) {
    throw new Error(`${from} has a dead link: ${link}`)
  }
  const readme = path === '.' ? 'README.md' : `${path}/README.md`
  if (isFolder(path) && existsSync(join(repositoryRoot, readme))) path = readme
  return { path, fragment }
}

export function isFolder(path: string): boolean {
  return statSync(join(repositoryRoot, path)).isDirectory()
}

/** The repository's file that a page of the site includes; undefined for a page that is written here. */
export function sourceOfPage(page: string): string | undefined {
  const folder = page.replace(/\.md$/, '')
  if (pageFolder.test(folder)) return `${folder}/README.md`
  const name = /^source\/(.+)$/.exec(folder)?.[1]
  if (name === undefined) return undefined
  return existsSync(join(repositoryRoot, `${name}.md`)) ? `${name}.md` : name
}
