import type { MethodDefinition } from '@qps/grpc'

/** What is ordered. */
export interface OrderRequest {
  customer: string
  item: string
  /** How long the payment takes, for whoever wants to see a deadline pass. */
  paymentMs: number
}

export interface OrderReply {
  order: string
}

/**
 * The order service. Its messages are JSON: gRPC carries bytes, and what they mean is between both sides. (Protocol Buffers are
 * stage 3's subject.)
 */
export const orderDefinition: { readonly place: MethodDefinition<OrderRequest, OrderReply> } = {
  place: {
    path: '/shop.Orders/Place',
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: (bytes) => fromBytes(bytes) as OrderRequest,
    responseSerialize: toBytes,
    responseDeserialize: (bytes) => fromBytes(bytes) as OrderReply,
  },
}

function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function fromBytes(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString())
}

/** What is written into the log for the payment service, and what comes back. */
export const paymentsTopic = 'payments'
export const repliesTopic = 'payments.replies'

/** A payment that is asked for; the message's key is the order. */
export interface PaymentRequest {
  paymentMs: number
}

/** This header says that nobody waits for the payment of this order any more. */
export const cancelHeader = 'cancelled'
