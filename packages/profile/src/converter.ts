import { messageOf, QpsError, siblingModule, sourceFlags } from '@qps/core'
import { Worker } from 'node:worker_threads'
import type { Conversion, ConversionJob } from './convert.ts'
import { profileLimits } from './options.ts'
import { ownThreads } from './threads.ts'

/**
 * Converts on a thread of its own, so that this one goes on serving meanwhile; what is left to it is copying the text.
 *
 * @throws QpsError QPS_PROFILE_CONVERSION where it fails or takes too long; the signal's reason where that fires.
 */
export async function convertElsewhere(job: ConversionJob, signal?: AbortSignal): Promise<Conversion> {
  signal?.throwIfAborted()
  const worker = new Worker(siblingModule(import.meta.url, './converter-entry'), {
    name: 'profile conversion',
    workerData: job,
    execArgv: sourceFlags(import.meta.url),
    resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
  })
  ownThreads.add(worker)
  const { promise, resolve, reject } = Promise.withResolvers<Conversion>()
  const limit = setTimeout(() => reject(failure('it took too long')), profileLimits.conversionMsMax)
  const abort = (): void => reject(signal!.reason)
  signal?.addEventListener('abort', abort)
  worker.once('message', resolve)
  worker.once('error', (error) => reject(failure(messageOf(error))))
  worker.once('exit', (code) => reject(failure(`its thread ended with ${code}`)))
  try {
    return await promise
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', abort)
    void worker.terminate()
  }
}

/** What the conversion of a profile of the greatest size may need. */
const heapMbMax = 512

function failure(why: string): QpsError {
  return new QpsError('QPS_PROFILE_CONVERSION', `the profile could not be converted: ${why}`, {
    hint: 'take a shorter one',
  })
}
