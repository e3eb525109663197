import { type ChildProcess, fork } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { siblingModule, sourceFlags } from '@qps/core'
import type { HelperCommand, HelperInput } from './generate.ts'

/** Who generates a share of the load: a thread, or a process. */
export interface Helper {
  /** Tells `message`, `error` and, once, `exit` with the code, as Worker and ChildProcess do. */
  readonly events: EventEmitter
  readonly hasEnded: boolean
  send(command: HelperCommand): void
  /** It has nothing more to do, and ends by itself when it has closed what it holds. */
  dismiss(): void
  /** At once, whatever it does. */
  cutOff(): void
}

/**
 * The young generation of a generating thread, in MiB. An open loop's waiting leaves garbage behind, and each scavenge stops
 * the thread while an answer may be coming in: the larger it is, the fewer there are.
 */
const semiSpaceMiB = 32

/**
 * Starts a helper. HTTP/3's are processes: the binding of quiche keeps what its objects belong to in memory that all threads of
 * a process share, and a second thread that loads it sooner or later ends the process.
 */
export function startHelper(input: HelperInput): Helper {
  return input.share.plan.message.protocol === 'h3' ? new HelperProcess(input) : new HelperThread(input)
}

class HelperThread implements Helper {
  readonly events: Worker

  constructor(input: HelperInput) {
    // A flag is for all heaps to come, not for this one: there is no option of Worker that says the same.
    setFlagsFromString(`--min-semi-space-size=${semiSpaceMiB}`)
    this.events = new Worker(siblingModule(import.meta.url, './worker'), {
      workerData: input,
      execArgv: sourceFlags(import.meta.url),
    })
  }

  get hasEnded(): boolean {
    return this.events.threadId === -1
  }

  send(command: HelperCommand): void {
    this.events.postMessage(command)
  }

  /** Cutting a thread off while the engine calls into it ends the process. */
  dismiss(): void {
    this.send('abort')
  }

  cutOff(): void {
    void this.events.terminate()
  }
}

class HelperProcess implements Helper {
  readonly events: ChildProcess
  readonly #kill = (): void => void this.events.kill('SIGKILL')

  constructor(input: HelperInput) {
    this.events = fork(fileURLToPath(siblingModule(import.meta.url, './helper-process')), [], {
      execArgv: [...sourceFlags(import.meta.url), `--min-semi-space-size=${semiSpaceMiB}`],
      serialization: 'advanced',
      // Its output is none; what a crash prints goes to standard error.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    process.once('exit', this.#kill)
    this.events.once('exit', () => process.removeListener('exit', this.#kill))
    this.events.send(input)
  }

  get hasEnded(): boolean {
    return this.events.exitCode !== null || this.events.signalCode !== null
  }

  send(command: HelperCommand): void {
    if (this.events.connected) this.events.send(command)
  }

  /** The channel is what keeps it: without it one that has not done its work ends at once. */
  dismiss(): void {
    if (this.events.connected) this.events.disconnect()
  }

  cutOff(): void {
    this.#kill()
  }
}
