import { EventEmitter } from 'node:events'
import { Readable, Stream } from 'node:stream'

/*
 * Prototypes without their constructors. Node's emitters and streams build their state in the constructor, which costs more
 * than all the rest of a small request; their methods make an emitter's state when they first need it, and a Readable's is
 * made by `NodeRequest`. What is here is `instanceof` the real thing and has all of its methods.
 */

function inherit(prototype: object): unknown {
  const Light = function () {}
  Object.setPrototypeOf(Light.prototype as object, prototype)
  return Light
}

export const LightEmitter: new () => EventEmitter = inherit(EventEmitter.prototype) as new () => EventEmitter
/** A legacy Stream, as Node's own responses are. */
export const LightStream: new () => Stream = inherit(Stream.prototype) as new () => Stream
/** Whoever extends this provides `_readableState`. */
export const LightReadable: new () => Readable = inherit(Readable.prototype) as new () => Readable

/** Has anybody ever listened? Without a listener there is nothing to schedule. */
export function hasListeners(emitter: EventEmitter): boolean {
  return (emitter as unknown as { _events: object | undefined })._events !== undefined
}
