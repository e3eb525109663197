import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

interface LockedPackage {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
}

const root = new URL('../', import.meta.url)
const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(new URL(path, root), 'utf8')) as T
const lock = await readJson<{ packages: Record<string, LockedPackage> }>('package-lock.json')
const entries = Object.entries(lock.packages)
const installed = entries.filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
const own = entries.filter(([path]) => !path.includes('node_modules/')).map(([path]) => path)

test('every installed package has an integrity hash', () => {
  expect(installed.length).toBeGreaterThan(100)
  expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([])
})

/**
 * fsevents builds only on macOS, ships its binary and works without its script; npm marks it all the same. That of protobufjs, which
 * grpc-js brings, only prints advice.
 */
const harmless = new Set(['fsevents', 'protobufjs'])

test('no package needs an install script', () => {
  const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true)
  const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13))
  expect(names.filter((name) => !harmless.has(name))).toEqual([])
})

test('the lockfile names no registry: whoever installs uses their own', () => {
  expect(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([])
})

test('every dependency of ours has an exact version', async () => {
  for (const folder of own) {
    const manifest = await readJson<Record<string, Record<string, string> | undefined>>(
      `${folder}/package.json`.replace(/^\//, ''),
    )
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const [name, range] of Object.entries(manifest[kind] ?? {})) {
        expect({ folder, name, range: /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range) }).toEqual({ folder, name, range: true })
      }
    }
  }
})
