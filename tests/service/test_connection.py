import socket
import time

import pytest

from service.connection import SlowClient, TimedSocket, client_gone


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    timed = TimedSocket.of(ours, write_seconds=0.1)
    with timed, theirs:
        yield timed, theirs


def test_a_client_that_sends_byte_by_byte_has_a_time_limit_for_the_whole_request(pair):
    ours, theirs = pair
    ours.read_by = time.monotonic() + 0.2
    theirs.send(b"a")
    assert ours.recv(10) == b"a"
    with pytest.raises(SlowClient):
        ours.recv(10)
    theirs.send(b"b")
    with pytest.raises(SlowClient):  # although there is something to read now
        ours.recv(10)


def test_reading_keeps_the_socket_blocking(pair):
    ours, theirs = pair
    ours.read_by = time.monotonic() + 5
    theirs.send(b"a")
    ours.recv(1)
    assert ours.gettimeout() is None


def test_a_client_that_does_not_receive_its_answer_is_given_up(pair):
    ours, _ = pair
    with pytest.raises(SlowClient):
        ours.sendall(bytes(50_000_000))


def test_a_closed_connection_is_noticed_and_nothing_is_consumed_from_an_open_one(pair):
    ours, theirs = pair
    environ = {"gunicorn.socket": ours}
    assert not client_gone(environ)
    theirs.send(b"the next request")
    assert not client_gone(environ)
    assert ours.recv(100) == b"the next request"
    theirs.close()
    assert client_gone(environ)


def test_without_a_socket_nobody_is_ever_gone():
    assert not client_gone({})
