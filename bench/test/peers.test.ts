import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
    protocol: 'h1',
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

test('a peer says what it speaks', async () => {
  expect(await prepare({ protocol: 'grpc' })).toMatchObject({ protocol: 'grpc' })
})

test('a reference stays one', async () => {
  expect(await prepare({ kind: 'reference' })).toMatchObject({ kind: 'reference' })
})

const buildOfFetched = [
  '{node}',
  '-e',
  'if (!fs.existsSync("fetched")) { console.error("no module: GOPROXY=off, it is " + process.env.GOPROXY); process.exit(1) }',
]
const fetchCommand = ['{node}', '-e', 'fs.appendFileSync("fetched", process.env.GOPROXY ?? "allowed")']

test('a build that lacks its sources fetches them with the network, once, and is tried again without it', async () => {
  const fetch = { command: fetchCommand, when: 'GOPROXY=off, it is off' }
  expect(await prepare({ build: buildOfFetched, fetch })).toHaveProperty('command')
  expect(readFileSync(join(folder, 'fetched'), 'utf8')).toBe(process.env['GOPROXY'] ?? 'allowed')
})

test('nothing is fetched for a build that succeeds, or that fails for another reason', async () => {
  const fetch = { command: fetchCommand, when: 'GOPROXY=off' }
  expect(await prepare({ build: ['{node}', '-e', ''], fetch })).toHaveProperty('command')
  const build = ['{node}', '-e', 'console.error("syntax error"); process.exit(1)']
  expect(await prepare({ build, fetch })).toMatchObject({ reason: 'it could not be built: syntax error' })
  expect(readdirSync(folder)).not.toContain('fetched')
})

test('a machine without network skips the peer with the reason and the line to type', async () => {
  const command = ['{node}', '-e', 'console.error("dial tcp: no route to host"); process.exit(1)']
  expect(await prepare({ build: buildOfFetched, fetch: { command, when: 'GOPROXY=off' } })).toEqual({
    name: 'rival',
    reason: 'its sources could not be fetched: dial tcp: no route to host',
    install: 'install it so',
  })
})

test.each([
  [{ kind: 'ours' }, 'kind must be'],
  [{ protocol: 'spdy' }, 'protocol must be one of h1, h2, h3, grpc'],
  [{ fetch: ['go', 'mod', 'download'] }, 'fetch must have'],
  [{ fetch: { command: ['go'], when: '' } }, 'fetch must have'],
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
