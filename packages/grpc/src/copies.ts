/**
 * How often, and how many, bytes of payload were copied by this package. What node:http2 and the kernel copy is not in it,
 * nor what a definition's own serializer does.
 */
export interface CopyCount {
  copies: number
  copiedBytes: number
}
