import type { Poller, PollerOptions } from '@qps/netpoll'
import { describe } from 'vitest'
import { testAddresses } from './poller/addresses.ts'
import { testErrors } from './poller/errors.ts'
import { testLifecycle } from './poller/lifecycle.ts'
import { testLoop } from './poller/loop.ts'
import { testProcesses } from './poller/processes.ts'
import type { Subject } from './poller/subject.ts'
import { testTransfer } from './poller/transfer.ts'

/**
 * The contract of a poller as a suite: each sentence of the interface a test, over real sockets, with clients and servers
 * on `node:net` at the other end. Every backend passes it unchanged.
 *
 * @param name what is tested, for the report.
 * @param create makes one on this thread; each test closes its own.
 * @param creation the same as an expression for a process or thread of its own, where packages are found by name.
 * Default: `createPoller` of `@qps/netpoll` with the backend that `create` makes.
 */
export function pollerConformance(
  name: string,
  create: (options?: PollerOptions) => Promise<Poller>,
  creation?: string,
): void {
  const subject: Subject = { create, creation: async () => creation ?? creationOf((await backendOf(create)).backend) }
  describe(`poller ${name}`, () => {
    describe('transfer', () => {
      testTransfer(subject)
    })
    describe('lifecycle', () => {
      testLifecycle(subject)
    })
    describe('addresses', () => {
      testAddresses(subject)
    })
    describe('errors', () => {
      testErrors(subject)
    })
    describe('the loop', () => {
      testLoop(subject)
    })
    describe('processes and threads', () => {
      testProcesses(subject)
    })
  })
}

async function backendOf(create: () => Promise<Poller>): Promise<Pick<Poller, 'backend'>> {
  await using poller = await create()
  return { backend: poller.backend }
}

function creationOf(backend: string): string {
  return `(await import('@qps/netpoll')).createPoller({ backend: '${backend}' })`
}
