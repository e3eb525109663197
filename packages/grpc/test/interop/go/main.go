// The interoperability cases as grpc-go itself states them, as a client, and the server that it offers for them: what happens
// in a case stands in grpc-go's own package interop. Both speak to a peer in any language.
//
//	interop client --port PORT [--ca FILE] [--gzip]
//	interop server [--port 0] [--cert FILE --key FILE] [--gzip]
package main

import (
	"flag"
	"log"
	"os"
)

// options are what both roles are told.
type options struct {
	port int
	gzip bool
	// Files in PEM. With a certificate a server speaks TLS, with an authority a client does.
	ca, cert, key string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: interop client|server --port PORT")
	}
	var given options
	flags := flag.NewFlagSet("interop", flag.ExitOnError)
	flags.IntVar(&given.port, "port", 0, "port on 127.0.0.1; server: 0 for a free one")
	flags.BoolVar(&given.gzip, "gzip", false, "compress what is sent")
	flags.StringVar(&given.ca, "ca", "", "client: the authority to trust")
	flags.StringVar(&given.cert, "cert", "", "server: its certificate")
	flags.StringVar(&given.key, "key", "", "server: its key")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	role, known := map[string]func(options) error{"client": runClient, "server": runServer}[os.Args[1]]
	if !known {
		log.Fatalf("%q is neither client nor server", os.Args[1])
	}
	if err := role(given); err != nil {
		log.Fatal(err)
	}
}
