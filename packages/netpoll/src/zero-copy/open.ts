import { QpsError } from '@qps/core'
import { IoUringPoller } from '../io-uring/io-uring-poller.ts'
import type { Poller } from '../poller.ts'
import { DirectOutput } from './direct-output.ts'
import type { DirectOutputOptions } from './options.ts'

/**
 * Lets connections of an io_uring poller send from memory and files that the kernel reads itself: without our copy into an
 * output block, and where the way out allows it, without the kernel's own. Once per poller.
 *
 * An experiment: on loopback it saves little, see the README. Whoever does not open it pays nothing for it.
 *
 * @throws QpsError QPS_BACKEND_UNAVAILABLE where the poller is another, QPS_USAGE where it has one already, QPS_OPTION for
 * options out of range.
 * @example
 * const direct = openDirectOutput(poller)
 * const page = direct.memory(16_384)
 * page.bytes.set(answer)
 * direct.send(connection, page, 0, answer.length, 'send-zc')
 */
export function openDirectOutput(poller: Poller, options: DirectOutputOptions = {}): DirectOutput {
  if (!(poller instanceof IoUringPoller)) {
    throw new QpsError('QPS_BACKEND_UNAVAILABLE', `direct output needs io_uring; the poller is ${poller.reason}`, {
      hint: 'connection.write sends everywhere',
    })
  }
  if (poller.extension !== undefined) {
    throw new QpsError('QPS_USAGE', 'the poller has a direct output already', { hint: 'share it' })
  }
  return new DirectOutput(poller, options)
}
