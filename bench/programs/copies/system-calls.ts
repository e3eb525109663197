import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** How often each system call was made. */
export type SystemCalls = Readonly<Record<string, number>>

const attachTimeoutMs = 5_000

/**
 * Counts the system calls of all threads of a process while something runs, with strace, which must be allowed to trace it.
 *
 * What threads of the kernel do for io_uring are no system calls of the process, and are not seen.
 *
 * @throws Error where strace is missing, or must not attach: with its own words.
 */
export async function countSystemCalls(pid: number, run: () => Promise<void>): Promise<SystemCalls> {
  const folder = mkdtempSync(join(tmpdir(), 'qps-strace-'))
  const table = join(folder, 'calls')
  const strace = spawn('strace', ['-c', '-f', '-p', String(pid), '-o', table], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = Promise.withResolvers<void>()
  // After `close`: what it said has then been read.
  strace.once('close', () => ended.resolve())
  strace.once('error', ended.reject)
  ended.promise.catch(() => {})
  try {
    const said: string[] = []
    const attached = Promise.withResolvers<void>()
    createInterface({ input: strace.stderr }).on('line', (line) => {
      said.push(line)
      if (/attached/.test(line)) attached.resolve()
    })
    const failed = ended.promise.then(() => {
      throw new Error(`strace: ${said.join('; ') || 'ended'}`)
    })
    failed.catch(() => {})
    const late = AbortSignal.timeout(attachTimeoutMs)
    const timeout = once(late, 'abort').then(() => {
      throw new Error(`strace did not attach within ${attachTimeoutMs / 1000} s`)
    })
    timeout.catch(() => {})
    await Promise.race([attached.promise, failed, timeout])
    await run()
    strace.kill('SIGINT')
    await ended.promise
    return parseStraceTable(readFileSync(table, 'utf8'))
  } finally {
    strace.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}

/**
 * Reads what `strace -c` writes:
 *
 *     % time     seconds  usecs/call     calls    errors syscall
 *     ------ ----------- ----------- --------- --------- ----------------
 *      74.88    0.040508         526        77         5 futex
 */
export function parseStraceTable(text: string): SystemCalls {
  const calls: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const [, count, name] = /^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/.exec(line) ?? []
    if (count !== undefined && name !== undefined && name !== 'total') calls[name] = Number(count)
  }
  return calls
}
