package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// A case that never ends fails here, and not at the patience of whoever waits for this program.
const patience = 15 * time.Second

// runClient runs the cases one after the other and prints `ok NAME` after each. One that fails ends the process with its reason
// on standard error: grpc-go's package leaves no other way.
func runClient(given options) error {
	transport := insecure.NewCredentials()
	if given.ca != "" {
		var err error
		if transport, err = credentials.NewClientTLSFromFile(given.ca, ""); err != nil {
			return err
		}
	}
	dial := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if given.gzip {
		dial = append(dial, grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)))
	}
	connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", given.port), dial...)
	if err != nil {
		return err
	}
	defer connection.Close()
	for _, one := range casesOver(connection) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		one.run(ctx)
		cancel()
		fmt.Println("ok", one.name)
	}
	return nil
}

type interopCase struct {
	name string
	run  func(context.Context)
}

func casesOver(connection *grpc.ClientConn) []interopCase {
	client := testgrpc.NewTestServiceClient(connection)
	of := func(name string, do func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) interopCase {
		return interopCase{name, func(ctx context.Context) { do(ctx, client) }}
	}
	return []interopCase{
		of("empty_unary", interop.DoEmptyUnaryCall),
		of("large_unary", interop.DoLargeUnaryCall),
		of("client_streaming", interop.DoClientStreaming),
		of("server_streaming", interop.DoServerStreaming),
		of("ping_pong", interop.DoPingPong),
		of("empty_stream", interop.DoEmptyStream),
		of("cancel_after_begin", interop.DoCancelAfterBegin),
		of("cancel_after_first_response", interop.DoCancelAfterFirstResponse),
		of("timeout_on_sleeping_server", interop.DoTimeoutOnSleepingServer),
		of("custom_metadata", interop.DoCustomMetadata),
		of("status_code_and_message", interop.DoStatusCodeAndMessage),
		of("special_status_message", interop.DoSpecialStatusMessage),
		{"unimplemented_method", func(ctx context.Context) { interop.DoUnimplementedMethod(ctx, connection) }},
		{"unimplemented_service", func(ctx context.Context) {
			interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(connection))
		}},
	}
}
