import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { connectPeer, type Peer } from './peer.ts'
import { sleep, type Subject, until } from './subject.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const condition = '--conditions=@qps/source'

/** A program in a process of its own: what it printed, line by line, and how it ended. */
class Program implements Disposable {
  readonly lines: string[] = []
  exitCode: number | null | undefined
  errors = ''
  readonly #child: ChildProcess

  /** @param limits for the shell in front of it, such as `ulimit -n 64`. */
  constructor(source: string, limits = ':') {
    const argv = [
      '-c',
      `${limits}; exec "$0" "$@"`,
      process.execPath,
      condition,
      '--input-type=module',
      '--eval',
      source,
    ]
    this.#child = spawn('/bin/sh', argv, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.lines.push(...text.trim().split('\n')))
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.#child.once('close', (code) => (this.exitCode = code))
  }

  /** The first line that starts with a word, without the word. */
  async says(word: string, limitMs = 8_000): Promise<string> {
    const find = (): string | undefined => this.lines.find((line) => line.startsWith(`${word} `))
    await until(() => find() !== undefined || this.exitCode !== undefined, `the program says ${word}`, limitMs)
    const line = find()
    if (line === undefined) throw new Error(`the program ended with ${this.exitCode}: ${this.errors}`)
    return line.slice(word.length + 1)
  }

  async exits(limitMs = 8_000): Promise<number | null> {
    await until(() => this.exitCode !== undefined, 'the program ends', limitMs)
    return this.exitCode!
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}

/** Statements that listen and echo, with the port in `listener.port`. */
const listening = `
const listener = await poller.listen({ port: 0 }, (connection) => ({
  onData: (bytes, start, end) => void connection.write(bytes.slice(start, end)),
  onEnd: () => connection.end(),
  onClose() {},
}))
`

export function testProcesses({ creation }: Subject): void {
  const program = async (body: string, limits?: string): Promise<Program> =>
    new Program(`const poller = ${await creation()}\n${body}`, limits)

  test('an idle poller uses no CPU, with open connections too', async () => {
    using server = await program(`${listening}
      console.log('port', listener.port)
      while (poller.stats.open < 5) await new Promise((resolve) => setTimeout(resolve, 5))
      await new Promise((resolve) => setTimeout(resolve, 200))
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const { user, system } = process.cpuUsage(before)
      console.log('cpuMs', (user + system) / 1_000)`)
    const port = Number(await server.says('port'))
    const peers = await Promise.all(Array.from({ length: 5 }, () => connectPeer({ port, host: '127.0.0.1' })))
    for (const { socket } of peers) socket.write('x')
    expect(Number(await server.says('cpuMs'))).toBeLessThan(20)
    for (const { socket } of peers) socket.destroy()
  })

  test('a process goes on while a listener or a connection is open, and ends by itself when none is', async () => {
    using server = await program(`
      const listener = await poller.listen({ port: 0 }, (connection) => ({
        onData: () => void listener.close(),
        onEnd: () => connection.end(),
        onClose() {},
      }))
      console.log('port', listener.port)`)
    const port = Number(await server.says('port'))
    await sleep(200)
    expect(server.exitCode).toBeUndefined()
    const peer = await connectPeer({ port, host: '127.0.0.1' })
    peer.socket.write('close the listener')
    await sleep(200)
    expect(server.exitCode).toBeUndefined()
    peer.socket.end()
    expect(await server.exits(2_000)).toBe(0)
    expect(peer.ended).toBe(true)
  })

  test('poller.close lets the process end', async () => {
    using server = await program(`${listening}
      console.log('port', listener.port)
      while (poller.stats.open < 1) await new Promise((resolve) => setTimeout(resolve, 5))
      await poller.close()
      console.log('closed', poller.stats.open)`)
    const port = Number(await server.says('port'))
    const peer = await connectPeer({ port, host: '127.0.0.1' })
    expect(await server.says('closed')).toBe('0')
    expect(await server.exits()).toBe(0)
    peer.socket.destroy()
  })

  test('in a process that does nothing else, promises, ticks and errors of callbacks still run', async () => {
    using server = await program(`
      process.on('uncaughtException', (error) => console.log('uncaught', error.message))
      const listener = await poller.listen({ port: 0 }, (connection) => ({
        onData: (bytes, start) => {
          if (bytes[start] === 33) throw new Error('as asked')
          if (bytes[start] === 112) void Promise.resolve().then(() => connection.write(Buffer.from('promise')))
          if (bytes[start] === 116) process.nextTick(() => connection.write(Buffer.from('tick')))
        },
        onEnd: () => connection.end(),
        onClose() {},
      }))
      console.log('port', listener.port)`)
    const port = Number(await server.says('port'))
    const ask = async (text: string, done: (peer: Peer) => boolean): Promise<string> => {
      const peer = await connectPeer({ port, host: '127.0.0.1' })
      peer.socket.write(text)
      await until(() => done(peer), `the answer to ${text}`, 2_000)
      peer.socket.destroy()
      return peer.received.toString()
    }
    expect(await ask('p', ({ bytes }) => bytes === 7)).toBe('promise')
    expect(await ask('t', ({ bytes }) => bytes === 4)).toBe('tick')
    await ask('!', ({ closed, ended }) => closed || ended)
    expect(await server.says('uncaught', 2_000)).toBe('as asked')
    expect(await ask('p', ({ bytes }) => bytes === 7)).toBe('promise')
    expect(server.exitCode).toBeUndefined()
  })

  test('out of descriptors: nothing spins, what stands is served, and accepting goes on when some are free', async () => {
    using server = await program(
      `${listening}
      console.log('port', listener.port)
      while (poller.stats.accepted < 8) await new Promise((resolve) => setTimeout(resolve, 5))
      await new Promise((resolve) => setTimeout(resolve, 300))
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 500))
      const { user, system } = process.cpuUsage(before)
      console.log('cpuMs', (user + system) / 1_000)
      console.log('accepted', poller.stats.accepted)`,
      'ulimit -n 48',
    )
    const port = Number(await server.says('port'))
    const crowd = await Promise.all(Array.from({ length: 80 }, () => connectPeer({ port, host: '127.0.0.1' })))
    expect(Number(await server.says('cpuMs'))).toBeLessThan(100)
    expect(Number(await server.says('accepted'))).toBeLessThan(48)
    const standing = crowd.filter(({ closed, ended }) => !closed && !ended)
    for (const { socket } of standing) socket.write('x')
    await until(() => standing.some(({ bytes }) => bytes === 1), 'one of them is served')
    for (const { socket } of crowd) socket.destroy()
    await until(() => crowd.every(({ closed }) => closed), 'the crowd is gone')
    await untilServed(port)
  })

  test('two pollers in two threads share a port', async () => {
    const expression = await creation()
    const source = (port: number): string => `
      const { parentPort, workerData } = require('node:worker_threads')
      ;(async () => {
        const poller = await (async () => (${expression}))()
        const listener = await poller.listen({ port: ${port}, reusePort: true }, (connection) => ({
          onData: () => void connection.write(Buffer.from(workerData)),
          onEnd: () => connection.end(),
          onClose() {},
        }))
        parentPort.postMessage(listener.port)
        parentPort.once('message', async () => { await poller.close(); parentPort.close() })
      })()`
    const start = async (name: string, wanted: number): Promise<{ worker: Worker; port: number }> => {
      const worker = new Worker(source(wanted), { eval: true, workerData: name, execArgv: [condition] })
      const port = await new Promise<number>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
      return { worker, port }
    }
    const a = await start('a', 0)
    const b = await start('b', a.port)
    expect(b.port).toBe(a.port)
    const answers = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const peer = await connectPeer({ port: a.port, host: '127.0.0.1' })
        peer.socket.write('?')
        await until(() => peer.bytes === 1, 'an answer')
        peer.socket.end()
        await until(() => peer.ended, 'the end')
        peer.socket.destroy()
        return peer.received.toString()
      }),
    )
    expect([...new Set(answers)].toSorted()).toEqual(['a', 'b'])
    const exits = [a, b].map(({ worker }) => new Promise((resolve) => worker.once('exit', resolve)))
    for (const { worker } of [a, b]) worker.postMessage('close')
    expect(await Promise.all(exits)).toEqual([0, 0])
  })
}

/** Connects again and again until an echo comes. */
async function untilServed(port: number): Promise<void> {
  let served = false
  const endMs = performance.now() + 4_000
  while (!served && performance.now() < endMs) {
    served = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      const timer = setTimeout(() => socket.destroy(), 300)
      socket.on('error', () => {})
      socket.once('connect', () => socket.write('x'))
      socket.once('data', () => (resolve(true), socket.destroy()))
      socket.once('close', () => (clearTimeout(timer), resolve(false)))
    })
    if (!served) await sleep(20)
  }
  expect(served, 'a new connection is served').toBe(true)
}
