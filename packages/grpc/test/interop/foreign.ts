import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { messageOf } from '@qps/core'

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
/** Not in `node_modules`, which every installation empties. */
const cacheFolder = pathOf('../../../../.cache')

/** How both roles of a peer are started, or why they cannot be, with the line that helps. */
export type Prepared = { command: (role: 'client' | 'server') => string[] } | { reason: string }

/** An implementation of gRPC in another language. */
export interface ForeignPeer {
  name: string
  /** Finds it, builds it where needed. The first time may take minutes, what comes after takes none. */
  prepare(): Promise<Prepared>
}

export const foreignPeers: readonly ForeignPeer[] = [
  { name: 'grpc-go', prepare: atMostOnce(prepareGo) },
  { name: 'grpcio', prepare: atMostOnce(preparePython) },
]

/** A first build compiles gRPC and half of a standard library, and may fetch. */
export const buildTimeoutMs = 240_000
const startTimeoutMs = 15_000
/** All cases, each with a patience of its own. */
const clientTimeoutMs = 30_000

function atMostOnce<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => (made ??= make())
}

async function prepareGo(): Promise<Prepared> {
  const found = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'go')))
  if (!found) return { reason: 'go is not on PATH: https://go.dev/dl' }
  const output = join(cacheFolder, 'grpc-interop')
  mkdirSync(output, { recursive: true })
  const program = join(output, 'grpc-go')
  // The lock file is a lock, and no toolchain fetches another one.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' }
  try {
    const options = { cwd: pathOf('go'), env, timeout: buildTimeoutMs }
    await promisify(execFile)('go', ['build', '-o', program, '.'], options)
  } catch (error) {
    return { reason: `grpc-go could not be built: ${messageOf(error)}` }
  }
  return { command: (role) => [program, role] }
}

async function preparePython(): Promise<Prepared> {
  const environment = join(cacheFolder, 'grpcio')
  const python = join(environment, 'bin', 'python')
  try {
    await promisify(execFile)(python, ['-c', 'import grpc, grpc_tools'], { timeout: startTimeoutMs })
  } catch {
    const install =
      'python3 -m venv .cache/grpcio && ' +
      '.cache/grpcio/bin/pip install --only-binary :all: -r packages/grpc/test/interop/python/requirements.txt'
    return { reason: `grpcio is not in .cache/grpcio: ${install}` }
  }
  return { command: (role) => [python, '-B', pathOf(`python/${role}.py`)] }
}

/** A running server in another language. */
export interface ForeignServer extends AsyncDisposable {
  port: number
}

/** @throws Error with what it said where it does not listen in time. */
export async function startForeignServer([program = '', ...parameters]: readonly string[]): Promise<ForeignServer> {
  // It ends with its standard input, so that it does not outlive this process however that ends.
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => undefined)
  const closed = once(child, 'close')
  try {
    return { port: await listeningPort(child), [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }

  async function end(): Promise<void> {
    child.kill('SIGKILL')
    await closed
  }
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr!.on('data', (bytes: Buffer) => (said = `${said}${bytes.toString()}`.slice(-2000)))
    const timer = setTimeout(() => reject(new Error(`the server does not listen: ${said}`)), startTimeoutMs)
    child.once('error', reject)
    child.once('close', () => reject(new Error(`the server ended: ${said}`)))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const port = /^listening (\d+)$/.exec(line)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      resolve(Number(port))
    })
  })
}

/** Lets a client in another language run all cases. @returns its line about a case: `ok NAME`, or how it failed. */
export async function runForeignClient(command: readonly string[]): Promise<(name: string) => string> {
  const [program = '', ...parameters] = command
  const run = promisify(execFile)(program, parameters, { timeout: clientTimeoutMs })
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error)
  const lines = stdout.split('\n')
  return (name) =>
    lines.find((line) => line.split(/[ :]/)[1] === name) ??
    `${name} was not reached: ${stderr.trim() || 'it said nothing'}`
}
