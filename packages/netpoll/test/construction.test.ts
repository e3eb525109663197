import { type Backend, createPoller } from '@qps/netpoll'
import { readdirSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { loadNative, type Native } from '../src/sys/native.ts'
import { scratch } from '../src/sys/scratch.ts'
import { kernelBackends } from './support.ts'

/** What making a poller asks of the system, and what each of these returns where it fails. */
const calls = {
  io_uring: { mmap: 0xffff_ffff_ffff_ffffn, ioUringSetup: -1n, ioUringRegister: -1n, eventfd: -1 },
  epoll: { mmap: 0xffff_ffff_ffff_ffffn, epoll_create1: -1 },
} as const

interface Outcome {
  code: string | undefined
  mappings: number
  descriptors: number
}

const descriptors = (): number => readdirSync('/proc/self/fd').length

/** Makes a poller while one call of `name` fails with EMFILE, and counts what it leaves behind. */
async function makeWithout(backend: Backend, name: keyof Native, result: unknown, failing: number): Promise<Outcome> {
  const native = loadNative() as unknown as Record<string, (...args: unknown[]) => unknown>
  const { [name]: call, mmap, munmap, errno } = native as Record<string, (...args: unknown[]) => unknown>
  const before = descriptors()
  let mappings = 0
  let left = failing
  native['mmap'] = (...args) => (mappings++, mmap!(...args))
  native['munmap'] = (...args) => (mappings--, munmap!(...args))
  const counted = native[name]!
  native[name] = (...args) => {
    if (left-- !== 0) return counted(...args)
    native['errno'] = () => constants.errno.EMFILE
    return result
  }
  let code: string | undefined
  try {
    const poller = createPoller({ backend })
    Object.assign(native, { errno })
    await poller.close()
  } catch (error) {
    code = (error as NodeJS.ErrnoException).code
  } finally {
    Object.assign(native, { [name]: call, mmap, munmap, errno })
  }
  return { code, mappings, descriptors: descriptors() - before }
}

describe.each(kernelBackends)('a poller over %s that cannot be made', (backend) => {
  const failures = Object.entries(calls[backend as keyof typeof calls]) as [keyof Native, unknown][]

  test.each(failures)('for want of %s: says why, and leaves neither memory nor descriptors', async (name, result) => {
    // The page of the thread stays, and is none of the poller's.
    scratch()
    const outcomes: Outcome[] = []
    for (let failing = 0; outcomes.at(-1)?.code !== undefined || failing === 0; failing++) {
      outcomes.push(await makeWithout(backend, name, result, failing))
    }
    const made = outcomes.pop()
    expect(made).toEqual({ code: undefined, mappings: 0, descriptors: 0 })
    const code = name === 'mmap' ? 'QPS_MEMORY' : 'EMFILE'
    expect(outcomes.length).toBeGreaterThan(0)
    expect(outcomes).toEqual(outcomes.map(() => ({ code, mappings: 0, descriptors: 0 })))
  })
})
