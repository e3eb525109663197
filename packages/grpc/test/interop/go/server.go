package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// runServer prints `listening PORT` and serves until its standard input ends, as it does with whoever started it.
func runServer(given options) error {
	var serve []grpc.ServerOption
	if given.cert != "" {
		transport, err := credentials.NewServerTLSFromFile(given.cert, given.key)
		if err != nil {
			return err
		}
		serve = append(serve, grpc.Creds(transport))
	}
	if given.gzip {
		serve = append(serve, grpc.UnaryInterceptor(compressReply), grpc.StreamInterceptor(compressReplies))
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", given.port))
	if err != nil {
		return err
	}
	server := grpc.NewServer(serve...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	return server.Serve(listener)
}

// A server answers in the encoding of the request unless it is told otherwise.
func compressReply(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := grpc.SetSendCompressor(ctx, gzip.Name); err != nil {
		return nil, err
	}
	return handle(ctx, request)
}

func compressReplies(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if err := grpc.SetSendCompressor(stream.Context(), gzip.Name); err != nil {
		return err
	}
	return handle(service, stream)
}
