// fasthttp as its documentation starts it; the name in the Server field is left out, which no other arm sends either.
// Like every Go server it may run on all cores (GOMAXPROCS): CPU per request counts all of its threads.
package main

import (
	"fmt"
	"log"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

func handler(context *fasthttp.RequestCtx) {
	context.SetContentType("application/json")
	fmt.Fprintf(context, `{"status":"ok","ts":%d}`, time.Now().UnixMilli())
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	server := &fasthttp.Server{Handler: handler, NoDefaultServerHeader: true}
	log.Fatal(server.Serve(listener))
}
