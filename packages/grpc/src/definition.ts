import { type DescMessage, type DescService, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2'

/** One method of a service, in the form that grpc-js uses too. */
export interface MethodDefinition<Request, Reply> {
  /** `/package.Service/Method` */
  path: string
  /** True where the client sends any number of messages. */
  requestStream: boolean
  /** True where the server does. */
  responseStream: boolean
  requestSerialize(value: Request): Buffer
  requestDeserialize(bytes: Buffer): Request
  responseSerialize(value: Reply): Buffer
  responseDeserialize(bytes: Buffer): Reply
  /** The method's name as its author wrote it: an implementation may use this one as well. */
  originalName?: string
}

/** A method whose types are somebody else's business. */
// oxlint-disable-next-line typescript/no-explicit-any -- grpc-js's definitions are of this type, and must fit
export type AnyMethod = MethodDefinition<any, any>

/** A service: methods by the name under which an implementation has them. */
export type ServiceDefinition = Readonly<Record<string, AnyMethod>>

/** The definition of a service that protoc-gen-es generated, with the types of its messages. */
export type DefinitionOf<Methods extends GenServiceMethods> = {
  readonly [Name in keyof Methods]: MethodDefinition<
    MessageShape<Methods[Name]['input']>,
    MessageShape<Methods[Name]['output']>
  >
}

/**
 * Makes a definition from the description that protoc-gen-es generates. The result works with grpc-js as well: its
 * `server.addService` and `makeClientConstructor` take it as it is.
 *
 * @example server.addService(serviceDefinition(Workload), workload())
 */
export function serviceDefinition<Methods extends GenServiceMethods>(
  service: GenService<Methods>,
): DefinitionOf<Methods> {
  const definition = Object.create(null) as Record<string, AnyMethod>
  for (const method of (service as DescService).methods) {
    const input = codec(method.input)
    const output = codec(method.output)
    definition[method.localName] = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
      requestSerialize: input.serialize,
      requestDeserialize: input.deserialize,
      responseSerialize: output.serialize,
      responseDeserialize: output.deserialize,
      originalName: method.name,
    }
  }
  return Object.freeze(definition) as DefinitionOf<Methods>
}

function codec<Message extends DescMessage>(message: Message) {
  return {
    serialize(value: MessageShape<Message>): Buffer {
      const { buffer, byteOffset, byteLength } = toBinary(message, value)
      return Buffer.from(buffer, byteOffset, byteLength)
    },
    deserialize: (bytes: Buffer): MessageShape<Message> => fromBinary(message, bytes),
  }
}
