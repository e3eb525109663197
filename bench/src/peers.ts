import { messageOf, QpsError } from '@qps/core'
import { execFile } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type ArmSpec, fillCommand } from './arm.ts'
import { repositoryRoot } from './paths.ts'
import { type Protocol, protocols } from './scenario.ts'

/** `peer.json`: how a rival is built and started, as data. */
export interface PeerManifest {
  name: string
  /** A peer is a rival that serves; a reference shows a bound and would be no server to anyone. */
  kind: 'peer' | 'reference'
  language: string
  needs: {
    /** A program's name on PATH, or a path from the top folder; the first that can be executed becomes `{program}`. */
    program: string[]
    /** A file from the top folder that must exist, such as a package's manifest. */
    file?: string
    /** The line that installs what is missing. */
    install: string
  }
  /** Run in the peer's folder before it is started. `{program}`, `{node}` and `{folder}` are filled in. */
  build?: string[]
  /**
   * What brings the sources that the build needs, at the versions that a lock file of the peer's folder names: run with the
   * network, at most once, where the output of a failed build contains `when`.
   */
  fetch?: { command: string[]; when: string }
  /** The server: prints `listening PORT` once it listens on a free port of 127.0.0.1. */
  start: string[]
  /** The one protocol that it serves there, default `h1`. */
  protocol?: Protocol
}

/** A peer that is left out, and why. */
export interface Skipped {
  name: string
  reason: string
  install: string
}

export const peersFolder: string = join(repositoryRoot, 'bench', 'peers')

/** A build downloads nothing and takes seconds; longer means that it hangs. */
const buildTimeoutMs = 120_000
/** A few megabytes from a mirror; a machine without network is not waited for. */
const fetchTimeoutMs = 60_000

/**
 * Makes one peer ready to start: finds its toolchain, builds it.
 *
 * @returns the arm, or why it is skipped: a missing toolchain is no failure of the run.
 * @throws QpsError QPS_PEER_INVALID where its `peer.json` cannot be read.
 */
export async function preparePeer(name: string, folder: string = join(peersFolder, name)): Promise<ArmSpec | Skipped> {
  const manifest = readManifest(name, join(folder, 'peer.json'))
  const { needs } = manifest
  const program = needs.program.map(findProgram).find((path) => path !== undefined)
  if (program === undefined) {
    return { name, reason: `${needs.program.join(' or ')} was not found`, install: needs.install }
  }
  if (needs.file !== undefined && !canAccess(resolve(repositoryRoot, needs.file), constants.R_OK)) {
    return { name, reason: `${needs.file} is missing`, install: needs.install }
  }
  const values = { program, node: process.execPath, folder }
  const fault = await build(manifest, values)
  if (fault !== undefined) return { name, reason: fault, install: needs.install }
  const { kind, protocol = 'h1' } = manifest
  return { name, kind, protocol, command: fillCommand(manifest.start, values), folder }
}

interface Values extends Record<string, string> {
  program: string
  node: string
  folder: string
}

/** Builds a peer, and once more where fetching its sources may help. @returns why it is not built, or undefined. */
async function build(manifest: PeerManifest, values: Values): Promise<string | undefined> {
  if (manifest.build === undefined) return undefined
  const command = fillCommand(manifest.build, values)
  // Compilers make files, not folders.
  mkdirSync(join(values.folder, 'build'), { recursive: true })
  const fault = await run(command, values.folder, offline(), buildTimeoutMs)
  if (fault === undefined) return undefined
  const { fetch } = manifest
  if (fetch === undefined || !fault.includes(fetch.when)) return `it could not be built: ${shortened(fault)}`
  const fetchCommand = fillCommand(fetch.command, values)
  const fetchFault = await run(fetchCommand, values.folder, online(), fetchTimeoutMs)
  if (fetchFault !== undefined) return `its sources could not be fetched: ${shortened(fetchFault)}`
  const again = await run(command, values.folder, offline(), buildTimeoutMs)
  return again === undefined ? undefined : `it could not be built: ${shortened(again)}`
}

/** @returns undefined where the command succeeded, else what it said, or why it was ended. */
async function run(
  [program = '', ...parameters]: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    await promisify(execFile)(program, parameters, { cwd: folder, timeout: timeoutMs, env })
    return undefined
  } catch (error) {
    if ((error as { killed?: boolean }).killed) return `it took longer than ${timeoutMs / 1000} s`
    return messageOf(error).split('\n').slice(1).join(' ').trim() || messageOf(error)
  }
}

function shortened(fault: string): string {
  return fault.slice(0, 300)
}

/** No toolchain fetches another one behind our back, and a lock file is a lock. */
function online(): NodeJS.ProcessEnv {
  return { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' }
}

function offline(): NodeJS.ProcessEnv {
  // Whether the tree has changes must not be asked of git: the folder need not be a checkout.
  return { ...online(), GOFLAGS: '-mod=readonly -buildvcs=false', GOPROXY: 'off' }
}

function readManifest(name: string, path: string): PeerManifest {
  const invalid = (why: string): QpsError =>
    new QpsError('QPS_PEER_INVALID', `bench/peers/${name}/peer.json is not a peer: ${why}`, {
      hint: 'bench/README.md shows one',
    })
  let manifest: Partial<PeerManifest>
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as Partial<PeerManifest>
  } catch (error) {
    throw invalid(messageOf(error))
  }
  const words = (value: unknown): boolean => Array.isArray(value) && value.every((word) => typeof word === 'string')
  const { kind, fetch, protocol = 'h1' } = manifest
  if (kind !== 'peer' && kind !== 'reference') throw invalid('kind must be "peer" or "reference"')
  if (!protocols.includes(protocol)) throw invalid(`protocol must be one of ${protocols.join(', ')}`)
  if (!words(manifest.start) || manifest.start!.length === 0) throw invalid('start must be a program and its arguments')
  if (manifest.build !== undefined && !words(manifest.build)) throw invalid('build must be a program and its arguments')
  if (fetch !== undefined && (!words(fetch.command) || typeof fetch.when !== 'string' || fetch.when === '')) {
    throw invalid('fetch must have a command and the text of a failed build when it is run')
  }
  if (!words(manifest.needs?.program)) throw invalid('needs.program must be a list of programs')
  if (typeof manifest.needs?.install !== 'string') throw invalid('needs.install must be a line to type')
  return manifest as PeerManifest
}

/** The path of a program: a name is looked for on PATH, a path is taken from the top folder. */
export function findProgram(program: string): string | undefined {
  if (program === '{node}') return process.execPath
  const candidates = program.includes('/')
    ? [resolve(repositoryRoot, program)]
    : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program))
  return candidates.find((path) => canAccess(path, constants.X_OK))
}

function canAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
