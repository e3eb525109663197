import type { ConnectionFault } from '../binding/quiche.ts'
import { errorName } from '../h3/codes.ts'

/** Why a connection is over, in the words of whoever ended it; they are escaped. @param fault undefined where nobody said so. */
export function reasonOf(fault: ConnectionFault | undefined): Error {
  if (fault === undefined) return new Error('nothing came any more')
  const reason = Buffer.from(fault.reason).toString()
  const code = fault.isApp ? errorName(fault.errorCode) : transportErrorName(fault.errorCode)
  return new Error(reason === '' ? code : `${code}, ${JSON.stringify(reason)}`)
}

/** RFC 9000, section 20.1; from 256 on the alerts of TLS. */
function transportErrorName(code: number): string {
  if (code === 2) return 'CONNECTION_REFUSED'
  return code >= 0x100 ? `alert ${code - 0x100} of TLS` : `error ${code} of QUIC`
}
