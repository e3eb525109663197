import { execFile } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The smallest piece of a large answer that is counted. */
const pieceBytesMin = 4096
const source = 'count-copies.c'
/** Beside this file where it runs as a source; compiled, it stands in dist, and the C file where it was. */
const places = [source, `../../../programs/copies/${source}`]

export interface Copies {
  copies: number
  bytes: number
}

/**
 * Counts what a process copies in user space, by a library that is loaded before those of the process: see count-copies.c.
 *
 * What belongs to no request is copied too, by the collector and by compilers, and nothing tells the two apart but the size.
 * So copies are counted that can be of an answer: nine tenths of it up to twice of it; of a large one also its pieces.
 *
 * @example
 * using counter = await CopyCounter.create(16_384)
 * const child = spawn(program, words, { env: { ...process.env, ...counter.environment } })
 * const { copies, bytes } = counter.read()
 */
export class CopyCounter implements Disposable {
  /** For the process that is to be counted. Whatever it starts counts on top. */
  readonly environment: Readonly<Record<string, string>>
  readonly #folder: string
  readonly #descriptor: number

  private constructor(folder: string, library: string, [min, max]: [min: number, max: number]) {
    this.#folder = folder
    const counters = join(folder, 'counters')
    writeFileSync(counters, new Uint8Array(16))
    this.#descriptor = openSync(counters, 'r')
    this.environment = {
      LD_PRELOAD: library,
      QPS_COPIES_FILE: counters,
      QPS_COPIES_MIN: String(min),
      QPS_COPIES_MAX: String(max),
    }
  }

  /**
   * Compiles the library.
   *
   * @param answerBytes length of what is to be followed, at least 256.
   * @throws Error where there is no C compiler, or this is not Linux.
   */
  static async create(answerBytes: number): Promise<CopyCounter> {
    if (process.platform !== 'linux') throw new Error('copies are counted on Linux only')
    const folder = mkdtempSync(join(tmpdir(), 'qps-copies-'))
    try {
      const library = join(folder, 'count-copies.so')
      // Without the two options, the compiler would turn the loops of memcpy into calls of memcpy.
      const options = ['-O2', '-shared', '-fPIC', '-fno-builtin', '-fno-tree-loop-distribute-patterns']
      await promisify(execFile)('cc', [...options, '-o', library, sourcePath()], { timeout: 30_000 })
      const range: [number, number] = [Math.min(pieceBytesMin, Math.floor(answerBytes * 0.9)), 2 * answerBytes]
      return new CopyCounter(folder, library, range)
    } catch (error) {
      rmSync(folder, { recursive: true })
      throw error
    }
  }

  /** Since its start. */
  read(): Copies {
    const words = new BigUint64Array(2)
    readSync(this.#descriptor, words, 0, 16, 0)
    return { copies: Number(words[0]), bytes: Number(words[1]) }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
    rmSync(this.#folder, { recursive: true })
  }
}

function sourcePath(): string {
  const found = places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((path) => existsSync(path))
  if (found === undefined) throw new Error(`${source} is missing`)
  return found
}
