import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Locked {
  version?: string
  link?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>
}

/** Where Node would find a package that is required from a folder: its own node_modules, then its parents'. */
function resolve(from: string, name: string): Locked | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    if (!folder.endsWith('node_modules')) {
      const found = lock.packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`]
      if (found) return found
    }
    if (folder === '') return undefined
  }
}

// npm leaves an optional package out of the lockfile where the registry lacks that version for one platform, and
// `npm ci` then refuses the whole lockfile on every machine.
test('everything that a locked package depends on is locked too, for every platform', () => {
  const missing = Object.entries(lock.packages).flatMap(([folder, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !resolve(folder, name))
      .map((name) => `${folder} → ${name}`),
  )
  expect(missing).toEqual([])
})
