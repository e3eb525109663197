import {
  completionRingFlag,
  cqeWords,
  getEventsArgument,
  ringEnter,
  ringRegister,
  ringSetup,
  sqeWords,
  submissionRingFlag,
  systemCall,
} from '../sys/abi.ts'
import { Arena } from '../sys/arena.ts'
import { systemError } from '../sys/errno.ts'
import { loadNative, type Native } from '../sys/native.ts'
import { scratch } from '../sys/scratch.ts'
import { RingMemory } from './ring-memory.ts'

/** How long `enterAndWait` sleeps at most. Longer, and Node's timers would notice: their grain is a millisecond. */
export const waitNs = 100_000

/** Work is done only when we ask for it, in `enter`, by the one thread that submits: no locks, no interruptions. */
const ringFlags = ringSetup.SINGLE_ISSUER | ringSetup.DEFER_TASKRUN

const argumentBytes = BigInt(getEventsArgument.bytes)

type Ten = [number, number, number, number, number, number, number, number, number, number]

/**
 * The two queues that we share with the kernel. We write submissions and move the submission tail; the kernel writes
 * completions and moves the completion tail. One system call, `enter`, hands all new submissions over.
 *
 *     submissions (sqe, 64 bytes each)          completions (cqe, 16 bytes each)
 *     ┌───┬───┬───┬───┬───┬───┐                 ┌───┬───┬───┬───┬───┬───┐
 *     │   │ ■ │ ■ │ ■ │   │   │                 │   │   │ ■ │ ■ │   │   │
 *     └───┴───┴───┴───┴───┴───┘                 └───┴───┴───┴───┴───┴───┘
 *           ▲ kernel    ▲ ours                          ▲ ours  ▲ kernel
 *           head        tail                            head    tail
 *
 * Heads and tails only grow and wrap at 2^32; an entry's place is its number modulo the (power of two) size.
 *
 * Sources: io_uring(7), io_uring_setup(2), io_uring_enter(2).
 */
export class Ring {
  readonly descriptor: number
  /** Completions: four words each, at {@link completionAt}. */
  readonly words: Int32Array
  /** Places of the submission queue. */
  readonly submissionsMax: number
  /** Submissions not handed over yet. */
  pending = 0
  /** Calls of `enter`. */
  enters = 0

  readonly #native: Native
  readonly #memory: RingMemory
  readonly #waitPage: Arena
  readonly #waitArgument: bigint
  readonly #sqe: Int32Array
  readonly #submissionMask: number
  readonly #submissionTailWord: number
  readonly #submissionFlagsWord: number
  readonly #completionHeadWord: number
  readonly #completionTailWord: number
  readonly #completionFlagsWord: number
  readonly #completionMask: number
  readonly #completionsWord: number
  #submissionTail: number
  /** Arguments of submissions that found no place, while the kernel refuses to take any: it is short of memory. */
  #spilled: number[] = []

  /**
   * @param submissions size of the submission queue, a power of two up to 32,768.
   * @param completions size of the completion queue. What does not fit is kept by the kernel and counted as an overflow.
   * @throws the system's error: EPERM and ENOSYS where io_uring is forbidden or unknown; QPS_MEMORY.
   */
  constructor(submissions: number, completions: number) {
    this.#native = loadNative()
    using owned = new DisposableStack()
    const memory = owned.adopt(new RingMemory(submissions, completions, ringFlags), (it) => it.release())
    this.#memory = memory
    this.descriptor = memory.descriptor
    this.words = memory.queues.words
    this.submissionsMax = memory.submissionsMax
    this.#sqe = memory.entries.words
    this.#submissionMask = memory.submissionsMax - 1
    this.#submissionTailWord = memory.submissionTailWord
    this.#submissionFlagsWord = memory.submissionFlagsWord
    this.#completionHeadWord = memory.completionHeadWord
    this.#completionTailWord = memory.completionTailWord
    this.#completionFlagsWord = memory.completionFlagsWord
    this.#completionMask = memory.completionsMax - 1
    this.#completionsWord = memory.completionsWord
    this.#submissionTail = this.words[this.#submissionTailWord]!
    // Behind the queues' memory lies none of ours, so the argument of a wait has a page of its own.
    this.#waitPage = owned.adopt(new Arena(4096), (page) => page.release())
    const { words: wait, addressLow, addressHigh } = this.#waitPage
    const timeAt = 64
    wait[getEventsArgument.timeWord] = addressLow + timeAt
    wait[getEventsArgument.timeWord + 1] = addressHigh
    wait[timeAt / 4 + 2] = waitNs
    this.#waitArgument = this.#waitPage.address
    owned.move()
  }

  /**
   * Adds a submission. Where the queue is full, what waits is handed over first; where the kernel does not take it, the
   * submission waits here.
   *
   * The words are those of `struct io_uring_sqe`; `tag` comes back in the completion's first word, `slot` in its second.
   *
   * @param head opcode | flags << 8 | ioprio << 16.
   */
  submit(
    head: number,
    descriptor: number,
    addressLow: number,
    addressHigh: number,
    length: number,
    operationFlags: number,
    tag: number,
    slot: number,
    bufferGroup: number,
    offset = 0,
  ): void {
    if (this.pending === this.submissionsMax && !this.makeRoom()) {
      // Words are written in this order again by `#refill`.
      this.#spilled.push(
        head,
        descriptor,
        addressLow,
        addressHigh,
        length,
        operationFlags,
        tag,
        slot,
        bufferGroup,
        offset,
      )
      return
    }
    const sqe = this.#sqe
    const at = (this.#submissionTail & this.#submissionMask) * sqeWords
    sqe[at] = head
    sqe[at + 1] = descriptor
    sqe[at + 2] = offset
    sqe[at + 3] = 0
    sqe[at + 4] = addressLow
    sqe[at + 5] = addressHigh
    sqe[at + 6] = length
    sqe[at + 7] = operationFlags
    sqe[at + 8] = tag
    sqe[at + 9] = slot
    sqe[at + 10] = bufferGroup
    sqe[at + 11] = 0
    sqe[at + 12] = 0
    sqe[at + 13] = 0
    this.#submissionTail = (this.#submissionTail + 1) | 0
    this.pending++
  }

  /** Makes sure that there is a place in the queue. @returns false where the kernel takes nothing. */
  makeRoom(): boolean {
    if (this.pending === this.submissionsMax) this.enter(0)
    return this.pending < this.submissionsMax
  }

  /** Sets a word that `submit` left 0, of the submission that it has just added: only behind `makeRoom`. */
  amend(word: number, value: number): void {
    this.#sqe[((this.#submissionTail - 1) & this.#submissionMask) * sqeWords + word] = value
  }

  /** The place of the next submission in the queue. It is taken again only when the kernel has taken that one. */
  get place(): number {
    return this.#submissionTail & this.#submissionMask
  }

  #refill(): void {
    const words = this.#spilled
    let at = 0
    while (at < words.length && this.pending < this.submissionsMax) {
      const [head, descriptor, low, high, length, flags, tag, slot, group, offset] = words.slice(at, at + 10) as Ten
      this.submit(head, descriptor, low, high, length, flags, tag, slot, group, offset)
      at += 10
    }
    this.#spilled = words.slice(at)
  }

  /**
   * Hands the submissions over and lets the kernel post what is complete.
   *
   * @param wait how many completions to wait for. 0 does not block.
   * @returns 0, or the negative errno that kept the kernel from taking them; they then wait for the next call.
   */
  enter(wait: number): number {
    Atomics.store(this.words, this.#submissionTailWord, this.#submissionTail)
    this.enters++
    const taken = this.#native.ioUringEnter(
      systemCall.ioUringEnter,
      this.descriptor,
      this.pending,
      wait,
      ringEnter.GETEVENTS,
      0,
      0,
    )
    if (taken < 0) return -this.#native.errno()
    this.pending -= taken
    if (this.#spilled.length > 0) this.#refill()
    return 0
  }

  /**
   * The same, but sleeps until there are `wait` completions, or {@link waitNs} have passed.
   *
   * @returns 0; ETIME, negative, where the time was over.
   */
  enterAndWait(wait: number): number {
    Atomics.store(this.words, this.#submissionTailWord, this.#submissionTail)
    this.enters++
    const taken = this.#native.ioUringWait(
      systemCall.ioUringEnter,
      this.descriptor,
      this.pending,
      wait,
      ringEnter.GETEVENTS | ringEnter.EXT_ARG,
      this.#waitArgument,
      argumentBytes,
    )
    // With submissions to hand over, the call says how many were taken, even if the time was over.
    if (taken < 0) return -this.#native.errno()
    this.pending -= taken
    if (this.#spilled.length > 0) this.#refill()
    return 0
  }

  /** The number of the first completion that we have not taken. */
  get completionHead(): number {
    return this.words[this.#completionHeadWord]!
  }

  /** The number behind the last completion that the kernel has posted. */
  get completionTail(): number {
    return Atomics.load(this.words, this.#completionTailWord)
  }

  /** Index into `words` of the completion with this number: tag, slot, result, flags. */
  completionAt(number: number): number {
    return this.#completionsWord + (number & this.#completionMask) * cqeWords
  }

  /** Gives the places of all completions before `head` back. */
  releaseCompletions(head: number): void {
    Atomics.store(this.words, this.#completionHeadWord, head)
  }

  /** Does the kernel keep completions that did not fit? They come with the next `enter`. */
  get overflown(): boolean {
    return (Atomics.load(this.words, this.#submissionFlagsWord) & submissionRingFlag.CQ_OVERFLOW) !== 0
  }

  /** Lets completions signal this eventfd. */
  registerEventfd(descriptor: number): void {
    const { address, words } = scratch()
    words[0] = descriptor
    this.register(ringRegister.EVENTFD, address, 1)
  }

  /** While we look at the queue ourselves, nobody needs to be woken. */
  set quiet(quiet: boolean) {
    Atomics.store(this.words, this.#completionFlagsWord, quiet ? completionRingFlag.EVENTFD_DISABLED : 0)
  }

  /** io_uring_register(2). @throws the system's error. */
  register(opcode: number, argument: bigint, count: number): void {
    const native = this.#native
    const result = native.ioUringRegister(BigInt(systemCall.ioUringRegister), this.descriptor, opcode, argument, count)
    if (result < 0n) throw systemError(-native.errno(), 'io_uring_register')
  }

  /** Only when every submission has had its last completion: the kernel writes into our memory until then. */
  close(): void {
    this.#memory.release()
    this.#waitPage.release()
  }
}
