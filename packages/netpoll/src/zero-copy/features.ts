import { Ring } from '../io-uring/ring.ts'
import { probeLayout, ringOperation, ringRegister, socket, zeroCopyFlag } from '../sys/abi.ts'
import { failure } from '../sys/errno.ts'
import { scratch } from '../sys/scratch.ts'

/** What the kernel knows of these ways to send. */
export interface Features {
  /** IORING_OP_SEND_ZC. Linux 6.0. */
  sendZeroCopy: boolean
  /** A notification says whether its bytes were copied after all. Linux 6.2. */
  reportsUsage: boolean
  /** IORING_OP_SPLICE. Linux 5.7. */
  splice: boolean
}

let found: Features | undefined

/**
 * Asks the kernel, once per thread. io_uring must work here.
 *
 * @throws the system's error where the process has no descriptor left.
 */
export function probeFeatures(): Features {
  if (found !== undefined) return found
  const ring = new Ring(4, 8)
  try {
    const knows = knownOperations(ring)
    const sendZeroCopy = knows(ringOperation.SEND_ZC)
    found = { sendZeroCopy, reportsUsage: sendZeroCopy && takesReport(ring), splice: knows(ringOperation.SPLICE) }
    return found
  } finally {
    ring.close()
  }
}

/** IORING_REGISTER_PROBE: a table with an entry for each operation. io_uring_register(2). */
function knownOperations(ring: Ring): (operation: number) => boolean {
  const { address, bytes } = scratch()
  const { headBytes, operationBytes, flagsAt, SUPPORTED } = probeLayout
  const count = ringOperation.SEND_ZC + 1
  bytes.fill(0, 0, headBytes + count * operationBytes)
  ring.register(ringRegister.PROBE, address, count)
  const flags = Array.from({ length: count }, (_, index) => bytes[headBytes + index * operationBytes + flagsAt]!)
  return (operation) => (flags[operation]! & SUPPORTED) !== 0
}

/** A flag has no entry in that table. But flags are looked at before the descriptor: EINVAL is for the one, EBADF for the other. */
function takesReport(ring: Ring): boolean {
  const head = ringOperation.SEND_ZC | (zeroCopyFlag.REPORT_USAGE << 16)
  ring.submit(head, -1, 0, 0, 1, socket.MSG_NOSIGNAL, 0, 0, 0)
  ring.enter(1)
  if (ring.completionHead === ring.completionTail) return false
  return ring.words[ring.completionAt(ring.completionHead) + 2] !== failure.EINVAL
}
