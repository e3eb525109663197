import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { scenarios } from '../scenarios/index.ts'
import { findProgram, peersFolder, preparePeer } from '../src/peers.ts'
import { thrownBy } from './thrown.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qps-peer-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const manifest = {
  name: 'rival',
  kind: 'peer',
  language: 'any',
  needs: { program: ['{node}'], install: 'install it so' },
  start: ['{node}', '{folder}/server.mjs'],
}

function prepare(changes: object): ReturnType<typeof preparePeer> {
  writeFileSync(join(folder, 'peer.json'), JSON.stringify({ ...manifest, ...changes }))
  return preparePeer('rival', folder)
}

test('a peer whose toolchain is there is an arm with its command filled in', async () => {
  expect(await prepare({})).toEqual({
    name: 'rival',
    kind: 'peer',
    command: [process.execPath, join(folder, 'server.mjs')],
    folder,
  })
})

test('a peer whose program is missing is skipped with the line that installs it', async () => {
  expect(await prepare({ needs: { program: ['no-such-program', 'bench/no/such'], install: 'install it so' } })).toEqual(
    {
      name: 'rival',
      reason: 'no-such-program or bench/no/such was not found',
      install: 'install it so',
    },
  )
})

test('a peer whose package is missing is skipped', async () => {
  const needs = { program: ['{node}'], file: 'node_modules/no-such-package/package.json', install: 'npm ci' }
  expect(await prepare({ needs })).toMatchObject({ reason: expect.stringContaining('is missing'), install: 'npm ci' })
})

test('a peer that does not build is skipped with the first words of its compiler', async () => {
  const build = ['{node}', '-e', 'console.error("main.go:3: syntax error"); process.exit(1)']
  expect(await prepare({ build })).toMatchObject({ reason: expect.stringContaining('syntax error') })
})

test('a build runs in the folder of the peer', async () => {
  expect(await prepare({ build: ['{node}', '-e', 'fs.writeFileSync("built", "")'] })).toHaveProperty('command')
  expect(readdirSync(folder)).toContain('built')
})

test.each([
  [{ kind: 'ours' }, 'kind must be'],
  [{ start: [] }, 'start must be'],
  [{ start: 'node server.mjs' }, 'start must be'],
  [{ build: [1] }, 'build must be'],
  [{ needs: { program: 'node', install: 'x' } }, 'needs.program must be'],
  [{ needs: { program: ['node'] } }, 'needs.install must be'],
])('a peer.json with %j is refused: %s', async (changes, why) => {
  const error = await thrownBy(() => prepare(changes))
  expect(error.code).toBe('QPS_PEER_INVALID')
  expect(error.message).toContain(why)
})

test('a peer without a peer.json is refused', async () => {
  expect((await thrownBy(() => preparePeer('rival', folder))).code).toBe('QPS_PEER_INVALID')
})

test('programs are found by name on PATH and by path from the top folder', () => {
  expect(findProgram('sh')).toMatch(/\/sh$/)
  expect(findProgram('no-such-program')).toBeUndefined()
  expect(findProgram('package.json')).toBeUndefined()
})

test('every peer in the folder belongs to a scenario, and every scenario finds its peers', () => {
  const named = new Set(scenarios.flatMap(({ peers }) => peers))
  expect([...named].toSorted()).toEqual(readdirSync(peersFolder).toSorted())
})
