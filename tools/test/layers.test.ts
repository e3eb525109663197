import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Workspace {
  name: string
  folder: string
  layer: string
  manifest: Record<
    'dependencies' | 'devDependencies' | 'optionalDependencies' | 'peerDependencies',
    Record<string, string> | undefined
  >
}

/** core ← primitive ← runtime ← harness ← stage. A workspace may import its own layer and those to its left. */
const layers = ['core', 'primitive', 'runtime', 'harness', 'stage']
/** bench starts stages as processes and imports none; it stands where a stage stands. */
const heightOf = (layer: string): number => layers.indexOf(layer === 'bench' ? 'stage' : layer)

const workspaces: Workspace[] = globSync(['packages/*/package.json', 'stages/*/package.json', 'bench/package.json'], {
  cwd: root,
})
  .toSorted()
  .map((file) => {
    const folder = dirname(file)
    const manifest = readJson(file) as Workspace['manifest'] & { name: string }
    const { tags } = readJson(join(folder, 'turbo.json')) as { tags: string[] }
    return { name: manifest.name, folder, layer: tags[0]!, manifest }
  })
const byName = new Map(workspaces.map((workspace) => [workspace.name, workspace]))

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}

/** The packages that the files of a folder import, without Node's own modules and relative paths. */
function importsOf(folder: string, pattern: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of globSync(pattern, { cwd: join(root, folder) })) {
    const source = readFileSync(join(root, folder, file), 'utf8')
    for (const match of source.matchAll(/(?:^|\s)(?:from|import)\s*\(?\s*'([^'.][^']*)'/g)) {
      const specifier = match[1]!
      if (specifier.startsWith('node:') || !/^(@[\w.-]+\/)?[a-z][\w.-]*(\/|$)/.test(specifier)) continue
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')
      found.set(name, join(folder, file))
    }
  }
  return found
}

test('the workspace has its layers', () => {
  expect(workspaces.length).toBeGreaterThanOrEqual(9)
  for (const { name, layer } of workspaces)
    expect(heightOf(layer), `${name} has the layer ${layer}`).toBeGreaterThanOrEqual(0)
})

describe.each(workspaces)('$folder', ({ name, folder, layer, manifest }) => {
  const imports = importsOf(folder, '{src,programs}/**/*.ts')

  test('imports only its own layer and those below', () => {
    for (const [imported, file] of imports) {
      const target = byName.get(imported)
      if (!target) continue
      expect(target.name, `${file} imports itself by name`).not.toBe(name)
      expect(heightOf(target.layer), `${file} imports ${imported} of the layer ${target.layer}`).toBeLessThanOrEqual(
        heightOf(layer),
      )
      expect(['stage', 'bench'], `${file} imports ${imported}`).not.toContain(target.layer)
    }
  })

  test('declares what it imports, and nothing that it does not', () => {
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
    for (const [imported, file] of imports)
      expect(Object.keys(declared), `${file} imports ${imported}`).toContain(imported)
    for (const dependency of Object.keys(manifest.dependencies ?? {}))
      expect([...imports.keys()], 'unused dependency').toContain(dependency)
  })

  test('its TypeScript references are its workspace dependencies', () => {
    const referenced = referencesOf(folder)
    const dependencies = Object.keys(manifest.dependencies ?? {}).flatMap(
      (dependency) => byName.get(dependency)?.folder ?? [],
    )
    expect([...referenced].toSorted()).toEqual(dependencies.toSorted())
  })

  test('has a README', () => {
    expect(existsSync(join(root, folder, 'README.md'))).toBe(true)
  })
})

/** The projects that a folder's project builds on; one inside the folder counts with what it builds on itself. */
function referencesOf(folder: string, top: string = folder): Set<string> {
  const { references = [] } = readJson(join(folder, 'tsconfig.json')) as { references?: { path: string }[] }
  const found = new Set<string>()
  for (const path of references.map((reference) => join(folder, reference.path))) {
    if (!path.startsWith(`${top}/`)) found.add(path)
    else for (const inner of referencesOf(path, top)) found.add(inner)
  }
  return found
}

test('core imports nothing', () => {
  expect([...importsOf('packages/core', 'src/**/*.ts').keys()]).toEqual([])
})

/** The one module of Node's that a primitive has, in the one file that has it: it reaches nothing outside of the program. */
const exception = {
  file: 'packages/context/src/implicit.ts',
  text: "import { AsyncLocalStorage } from 'node:async_hooks'\n",
}

test('primitives touch no socket, file, timer or global of the process', () => {
  for (const { folder } of workspaces.filter(({ layer }) => layer === 'primitive')) {
    for (const file of globSync('src/**/*.ts', { cwd: join(root, folder) })) {
      const text = readFileSync(join(root, folder, file), 'utf8')
      const source = join(folder, file) === exception.file ? text.replace(exception.text, '') : text
      expect(source, join(folder, file)).not.toMatch(
        /from 'node:|\bprocess\.|\bsetTimeout\(|\bsetInterval\(|Date\.now\(|performance\.now\(|Math\.random\(/,
      )
    }
  }
})

test('a dependency of npm has one owning package', () => {
  const owners = new Map<string, string[]>()
  for (const { name, manifest } of workspaces) {
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      if (!byName.has(dependency)) owners.set(dependency, [...(owners.get(dependency) ?? []), name])
    }
  }
  for (const [dependency, names] of owners) expect(names, dependency).toHaveLength(1)
})
