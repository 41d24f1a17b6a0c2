"""A kernel that a real Jupyter server started for a notebook, and what its cells give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

SECONDS = 60


@dataclass
class Output:
    """What one cell gave."""

    text: str = ""
    error: str | None = None
    shown: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)


class RealKernel:
    """The kernel of one notebook.

    Parameters
    ----------
    server : JupyterProcess
        Who started it.
    kernel_id : str
        Its number there.
    """

    def __init__(self, server: JupyterProcess, kernel_id: str) -> None:
        self.server = server
        self.id = kernel_id
        path = server.runtime / f"kernel-{kernel_id}.json"
        eventually(path.exists, "the kernel's connection file")
        self.client = BlockingKernelClient(connection_file=str(path))
        self.client.load_connection_file()
        self.client.start_channels(hb=False)  # a kernel that is starting has no heartbeat, and is not dead
        self.client.wait_for_ready(timeout=SECONDS)

    def run(self, code: str, cell_id: str | None = None) -> Output:
        """Run a cell and wait for its end; an error is in the output, not raised."""
        return self.output_of(self.begin(code, cell_id))

    def begin(self, code: str, cell_id: str | None = None) -> str:
        """Run a cell without waiting, as a page does it; its request's number."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def output_of(self, request: str) -> Output:
        """What the cell of that request gives until its end."""
        output = Output()
        for message in self.messages(request):
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    output.text += content["text"]
                case "execute_result" | "display_data":
                    output.shown.append((content["data"], content["metadata"]))
                case "error":
                    output.error = f"{content['ename']}: {content['evalue']}"
        return output

    def messages(self, request: str) -> Iterator[dict[str, Any]]:
        """What the kernel publishes for a request, until it is idle again."""
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return
            yield message

    def wait_for_text(self, request: str, text: str) -> None:
        """Wait until a running cell has printed this."""
        printed = ""
        while text not in printed:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == request and message["msg_type"] == "stream":
                printed += message["content"]["text"]

    def interrupt(self) -> None:
        """What the stop button does."""
        assert self.server.request("POST", f"api/kernels/{self.id}/interrupt", {}).status == 204

    def restart(self) -> None:
        """What the restart button does."""
        assert self.server.request("POST", f"api/kernels/{self.id}/restart", {}).status == 200
        self._drain()
        self.client.wait_for_ready(timeout=SECONDS)

    def custom_message(self, comm_id: str, content: dict[str, Any]) -> None:
        """What a widget's page sends by ``model.send``."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self.client.shell_channel.send(message)

    def custom_replies(self, comm_id: str) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """What a widget's page gets: custom messages and their buffers, as they come."""
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            data = message["content"].get("data", {})
            is_ours = message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm_id
            if is_ours and data.get("method") == "custom":
                yield data["content"], [bytes(buffer) for buffer in message["buffers"]]

    def _drain(self) -> None:
        try:
            while True:
                self.client.get_iopub_msg(timeout=0)
        except Empty:
            return


@contextmanager
def notebook_kernel(server: JupyterProcess, notebook: str) -> Iterator[RealKernel]:
    """The kernel of a notebook for the length of a block."""
    body = {"path": notebook, "name": notebook.rpartition("/")[2], "type": "notebook", "kernel": {"name": "python3"}}
    (server.root / notebook).parent.mkdir(parents=True, exist_ok=True)
    reply = server.request("POST", "api/sessions", body)
    assert reply.status == 201, reply.body
    facts = reply.json()
    kernel = RealKernel(server, facts["kernel"]["id"])
    try:
        yield kernel
    finally:
        kernel.client.stop_channels()
        server.request("DELETE", f"api/sessions/{facts['id']}")
