import { gunzip } from 'node:zlib'
import { GrpcError } from './error.ts'
import type { GrpcLimits } from './options.ts'
import { GrpcStatus } from './status.ts'

/** What we can receive, as `grpc-accept-encoding` says it. */
export const acceptedEncodings = 'identity,gzip'

/** Encodings of messages that this package understands; `identity` means that none may be compressed. */
export type Encoding = 'identity' | 'gzip'

/** @returns undefined for an encoding that is not ours. */
export function encodingOf(header: string | undefined): Encoding | undefined {
  if (header === undefined || header === 'identity') return 'identity'
  return header === 'gzip' ? 'gzip' : undefined
}

/** A small message may grow to this whatever its ratio: the ratio is to catch bombs. */
const smallBytes = 64 * 1024

/**
 * Unpacks one gzip message on libuv's thread pool. Stops where the output passes `messageBytesMax`, or `inflateRatioMax`
 * times the input.
 *
 * @throws GrpcError RESOURCE_EXHAUSTED at those bounds, INTERNAL for what is not gzip.
 */
export function inflate(message: Buffer, limits: GrpcLimits): Promise<Buffer> {
  const { messageBytesMax, inflateRatioMax } = limits
  const outputMax = Math.min(messageBytesMax, Math.max(smallBytes, message.length * inflateRatioMax))
  return new Promise((resolve, reject) => {
    gunzip(message, { maxOutputLength: outputMax }, (error, inflated) => {
      if (error === null) resolve(inflated)
      else reject(refusal(error, message.length, outputMax))
    })
  })
}

function refusal(error: Error & { code?: string }, length: number, outputMax: number): GrpcError {
  if (error.code !== 'ERR_BUFFER_TOO_LARGE') {
    return new GrpcError(GrpcStatus.INTERNAL, 'a compressed message is not valid gzip', { cause: error })
  }
  return new GrpcError(
    GrpcStatus.RESOURCE_EXHAUSTED,
    `a message of ${length} compressed bytes unpacks to more than ${outputMax}`,
  )
}
