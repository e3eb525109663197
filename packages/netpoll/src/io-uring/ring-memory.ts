import { cqeWords, ringFeature, ringMap, ringParams, ringSetup, sqeWords, systemCall } from '../sys/abi.ts'
import { Arena } from '../sys/arena.ts'
import { failure, systemError } from '../sys/errno.ts'
import { loadNative } from '../sys/native.ts'
import { scratch } from '../sys/scratch.ts'

/**
 * A ring of the kernel's, mapped: its descriptor, its memory, and where in that memory everything is. The kernel chooses
 * the places; it says them once, in the answer of io_uring_setup(2).
 *
 *     queues    head, tail, mask and flags of both │ array of submission numbers │ completions
 *     entries   submissions
 *
 * What is named `…Word` is an index into the words of `queues`.
 */
export class RingMemory {
  readonly descriptor: number
  readonly queues: Arena
  readonly entries: Arena
  /** Sizes of the queues, as the kernel made them; powers of two. */
  readonly submissionsMax: number
  readonly completionsMax: number
  readonly submissionTailWord: number
  readonly submissionFlagsWord: number
  readonly completionHeadWord: number
  readonly completionTailWord: number
  readonly completionFlagsWord: number
  /** The first completion. */
  readonly completionsWord: number

  /**
   * @param submissions size of the submission queue, a power of two up to 32,768.
   * @param completions size of the completion queue.
   * @throws the system's error: EPERM and ENOSYS where io_uring is forbidden or unknown; QPS_MEMORY.
   */
  constructor(submissions: number, completions: number, flags: number) {
    const native = loadNative()
    const { address, bytes } = scratch()
    bytes.fill(0, 0, ringParams.bytes)
    const parameters = new DataView(bytes.buffer, 0, ringParams.bytes)
    parameters.setUint32(ringParams.cqEntries, completions, true)
    parameters.setUint32(ringParams.flags, ringSetup.CQSIZE | ringSetup.CLAMP | flags, true)
    const descriptor = Number(native.ioUringSetup(BigInt(systemCall.ioUringSetup), submissions, address))
    if (descriptor < 0) throw systemError(-native.errno(), 'io_uring_setup')
    using owned = new DisposableStack()
    owned.defer(() => native.close(descriptor))
    this.descriptor = descriptor
    const parameter = (offset: number): number => parameters.getUint32(offset, true)
    if ((parameter(ringParams.features) & ringFeature.NODROP) === 0) throw systemError(failure.ENOSYS, 'io_uring_setup')
    this.submissionsMax = parameter(ringParams.sqEntries)
    this.completionsMax = parameter(ringParams.cqEntries)
    this.submissionTailWord = parameter(ringParams.sqTail) / 4
    this.submissionFlagsWord = parameter(ringParams.sqFlags) / 4
    this.completionHeadWord = parameter(ringParams.cqHead) / 4
    this.completionTailWord = parameter(ringParams.cqTail) / 4
    this.completionFlagsWord = parameter(ringParams.cqFlags) / 4
    this.completionsWord = parameter(ringParams.cqCqes) / 4
    const arrayWord = parameter(ringParams.sqArray) / 4
    // Since Linux 5.4 both rings lie in one mapping (IORING_FEAT_SINGLE_MMAP).
    const queueWords = Math.max(arrayWord + this.submissionsMax, this.completionsWord + this.completionsMax * cqeWords)
    this.queues = owned.adopt(new Arena(queueWords * 4, descriptor, ringMap.SQ_RING), release)
    this.entries = owned.adopt(new Arena(this.submissionsMax * sqeWords * 4, descriptor, ringMap.SQES), release)
    // The array between ring and entries may reorder them; ours never does.
    for (let index = 0; index < this.submissionsMax; index++) this.queues.words[arrayWord + index] = index
    owned.move()
  }

  /** Closes the ring and unmaps its memory. */
  release(): void {
    loadNative().close(this.descriptor)
    this.queues.release()
    this.entries.release()
  }
}

const release = (arena: Arena): void => arena.release()
