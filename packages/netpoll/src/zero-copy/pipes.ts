import { fileControl } from '../sys/abi.ts'
import { systemError } from '../sys/errno.ts'
import { loadNative } from '../sys/native.ts'
import { scratch } from '../sys/scratch.ts'

/** What one pipe takes. The kernel's own size is a quarter of it, its usual limit (fs.pipe-max-size) four times it. */
export const pipeBytes: number = 256 * 1024

/** The two ends of a pipe(7): between a file and a socket, splice(2) needs one. */
export interface Pipe {
  readonly from: number
  readonly to: number
}

/** What a file that waits is told when its turn has come: a pipe, or why none can be had. */
export type Later = (found: Pipe | Error) => void

/** A few pipes, lent to files while they are sent. Who finds none waits; first come, first served. */
export class Pipes {
  readonly #free: Pipe[] = []
  readonly #waiting = new Set<Later>()
  #left: number

  constructor(pipesMax: number) {
    this.#left = pipesMax
  }

  /**
   * @param later gets a pipe where there is none now.
   * @throws the system's error where the process has no descriptor left.
   */
  take(later: Later): Pipe | undefined {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#left > 0) {
      const pipe = openPipe()
      this.#left--
      return pipe
    }
    this.#waiting.add(later)
    return undefined
  }

  /** Waits no more. */
  forget(later: Later): void {
    this.#waiting.delete(later)
  }

  /** @param isEmpty a pipe that holds bytes of a file is closed: nobody else must get them. */
  give(pipe: Pipe, isEmpty: boolean): void {
    if (!isEmpty) {
      closePipe(pipe)
      this.#left++
    } else this.#free.push(pipe)
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    try {
      next(this.take(next)!)
    } catch (error) {
      next(error as Error)
    }
  }

  release(): void {
    for (const pipe of this.#free) closePipe(pipe)
    this.#free.length = 0
  }
}

function openPipe(): Pipe {
  const native = loadNative()
  const { address, words } = scratch()
  if (native.pipe2(address, fileControl.O_CLOEXEC) < 0) throw systemError(-native.errno(), 'pipe2')
  const [from = -1, to = -1] = words
  // Where this is refused, the pipe has the kernel's usual size, and files take more steps.
  native.fcntl(to, fileControl.F_SETPIPE_SZ, pipeBytes)
  return { from, to }
}

function closePipe({ from, to }: Pipe): void {
  loadNative().close(from)
  loadNative().close(to)
}
