import { describe, QpsError } from '@qps/core'

/** What to do about each failure. */
const hints = {
  QPS_MAP_FULL: 'delete entries, let them expire, or declare a larger capacity',
  QPS_MAP_KEY: 'use keys of the form that the map was made for, or declare a larger keyBytesMax',
  QPS_MAP_VALUE: 'use values of the form that the map was made for, or declare a larger valueBytesMax',
  QPS_MAP_LOCK_LOST: 'where the owner is gone, call declareDead(owner); where it lives, look for what holds it up',
  QPS_MAP_OWNERS: 'dispose of maps that are no longer used, declare dead who is gone, or declare more ownersMax',
  QPS_MAP_HANDLE: 'call share() once for every thread, and attach each handle once',
  QPS_MAP_BUSY: 'wait for answers before asking on, or declare a larger pendingMax',
  QPS_MAP_CLOSED: 'use a map before it is disposed of, or attach to it again',
} as const

type Code = keyof typeof hints

/** Nothing has to change for these to go well later. */
const retryable: readonly Code[] = ['QPS_MAP_FULL', 'QPS_MAP_BUSY']

function failure(code: Code, message: string): QpsError {
  return new QpsError(code, message, { hint: hints[code], retryable: retryable.includes(code) })
}

/** There is no room for a key that is new. */
export const fullError = (capacity: number): QpsError =>
  failure('QPS_MAP_FULL', `the map has ${capacity} entries, its capacity`)

export const keyError = (wanted: string, key: unknown): QpsError =>
  failure('QPS_MAP_KEY', `a key must be ${wanted}, not ${describe(key)}`)

export const valueError = (wanted: string, value: unknown): QpsError =>
  failure('QPS_MAP_VALUE', `a value must be ${wanted}, not ${describe(value)}`)

/** A lock was not to be had in time. `owner` is 0 where it is not known. */
export const lockError = (shard: number, owner: number, timeoutMs: number): QpsError => {
  const who = owner === 0 ? 'readers' : `owner ${owner}`
  return failure('QPS_MAP_LOCK_LOST', `shard ${shard} is held by ${who} for ${timeoutMs} ms and more`)
}

/** This thread was declared dead while it wrote. */
export const takenError = (owner: number): QpsError =>
  failure('QPS_MAP_LOCK_LOST', `owner ${owner} was declared dead and its lock taken away, though it lives`)

export const ownersError = (ownersMax: number): QpsError =>
  failure('QPS_MAP_OWNERS', `${ownersMax} threads have the map, as many as it was made for`)

export const handleError = (owner: number): QpsError =>
  failure('QPS_MAP_HANDLE', `the handle of owner ${owner} was attached before, or its owner declared dead`)

export const closedError = (): QpsError => failure('QPS_MAP_CLOSED', 'the map is closed in this thread')

/** The owner's thread has as many questions as it may. */
export const busyError = (pendingMax: number): QpsError =>
  failure('QPS_MAP_BUSY', `${pendingMax} operations wait for the owner's answer`)
