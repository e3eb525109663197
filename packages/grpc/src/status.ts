/** The status codes of gRPC by name. Their numbers are those on the wire. Source: grpc/grpc, doc/statuscodes.md. */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type GrpcStatusName = keyof typeof GrpcStatus
export type GrpcStatusCode = (typeof GrpcStatus)[GrpcStatusName]

const names = Object.keys(GrpcStatus) as GrpcStatusName[]

/**
 * The statuses by number, as metrics of gRPC servers spell them: as Go does. Dashboards and alerts match these texts.
 * Source: grpc/grpc-go, package codes.
 */
export const statusLabels: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]

/** `NOT_FOUND` for 5; `STATUS_99` for a number that gRPC has not defined. */
export function statusName(code: number): string {
  return names[code] ?? `STATUS_${code}`
}

/**
 * The `grpc-status` of a header section as a number. What is missing is undefined; what is no small decimal number is
 * UNKNOWN, as the protocol asks of a receiver.
 */
export function parseStatus(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : GrpcStatus.UNKNOWN
}

/** Answers of a proxy or a server that speaks no gRPC. Source: grpc/grpc, doc/http-grpc-status-mapping.md. */
const byHttpStatus = new Map<number, GrpcStatusCode>([
  [400, GrpcStatus.INTERNAL],
  [401, GrpcStatus.UNAUTHENTICATED],
  [403, GrpcStatus.PERMISSION_DENIED],
  [404, GrpcStatus.UNIMPLEMENTED],
  [429, GrpcStatus.UNAVAILABLE],
  [502, GrpcStatus.UNAVAILABLE],
  [503, GrpcStatus.UNAVAILABLE],
  [504, GrpcStatus.UNAVAILABLE],
])

export function statusOfHttp(httpStatus: number): GrpcStatusCode {
  return byHttpStatus.get(httpStatus) ?? GrpcStatus.UNKNOWN
}

/** Error codes of RST_STREAM (RFC 9113 section 7) as statuses. Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Errors". */
const byResetCode = new Map<number, GrpcStatusCode>([
  [0x7, GrpcStatus.UNAVAILABLE],
  [0x8, GrpcStatus.CANCELLED],
  [0xb, GrpcStatus.RESOURCE_EXHAUSTED],
  [0xc, GrpcStatus.PERMISSION_DENIED],
])

export function statusOfReset(resetCode: number): GrpcStatusCode {
  return byResetCode.get(resetCode) ?? GrpcStatus.INTERNAL
}
