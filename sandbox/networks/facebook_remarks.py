"""Comments under a Page's posts: the audience's and the Page's own, in one shape."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.host import Host
from sandbox.networks.facebook_posts import permalink
from sandbox.networks.graph import Selection, graph_time, select, unknown_object
from sandbox.world.model import Account, Comment, Post


@dataclass(frozen=True)
class Remark:
    """One comment. `committed_at`: machine time at which it came over the wire, 0 for the audience's."""

    native_id: str
    post: Post
    parent_id: str | None
    text: str
    created_ms: int
    author_id: str
    author_name: str
    likes: int
    committed_at: float = 0.0


class Remarks:
    """Reads and writes comments."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def of(self, post: Post) -> list[Remark]:
        """All comments under a post, answers among them, oldest first."""
        found = [_of_audience(post, comment) for comment in self._host.comments(post)]
        found += [self._own(post, row) for row in self._host.own_comments(post.native_id)]
        return sorted(found, key=lambda remark: (remark.created_ms, remark.native_id))

    def one(self, page: Account, native_id: str) -> Remark | None:
        """A comment under a post of the Page: its id begins with the post's."""
        post = self._host.post("facebook", f"{page.native_id}_{native_id.partition('_')[0]}")
        return next((remark for remark in self.of(post) if remark.native_id == native_id), None) if post else None

    def below(self, page: Account, post: Post | None, name: str, which: str) -> list[Remark]:
        """Comments under a post (`stream`: answers too) or answers under a comment, oldest first."""
        if post is not None:
            return [remark for remark in self.of(post) if which == "stream" or remark.parent_id is None]
        parent = self.one(page, name)
        if parent is None:
            raise unknown_object(name)
        return [remark for remark in self.of(parent.post) if remark.parent_id == parent.native_id]

    def write(self, page: Account, post: Post | None, name: str, text: str) -> str:
        """Comment below a post, or answer a comment; an answer to an answer stands under the same comment. Returns its id."""
        parent = None
        if post is None:
            parent = self.one(page, name)
            if parent is None:
                raise unknown_object(name, "post")
            post = parent.post
        parent_id = (parent.parent_id or parent.native_id) if parent else None
        return self._host.write_comment(page, post.native_id, parent_id, text)

    def delete(self, page: Account, native_id: str) -> bool:
        """Take a comment away; False when there is none."""
        remark = self.one(page, native_id)
        if remark is None:
            return False
        if remark.committed_at:
            self._host.state.delete("comments", comment_id=native_id)
        else:
            self._host.delete_comment(native_id)
        return True

    def show(self, remark: Remark, wanted: Mapping[str, Selection]) -> dict[str, Any]:
        """The asked fields that have a value."""
        tail = remark.native_id.rpartition("_")[2]
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: remark.native_id,
            "message": lambda: remark.text,
            "created_time": lambda: graph_time(remark.created_ms),
            "from": lambda: {"name": remark.author_name, "id": remark.author_id},
            "like_count": lambda: remark.likes,
            "comment_count": lambda: sum(other.parent_id == remark.native_id for other in self.of(remark.post)),
            "parent": lambda: {"id": remark.parent_id} if remark.parent_id else None,
            "permalink_url": lambda: f"{permalink(remark.post)}?comment_id={tail}",
            "is_hidden": lambda: self._host.is_marked("hidden", remark.native_id),
        }
        return {"id": remark.native_id} | select(values, wanted, "Comment")

    def _own(self, post: Post, row: Mapping[str, Any]) -> Remark:
        page = self._host.accounts[row["account_id"]]
        return Remark(
            native_id=row["comment_id"],
            post=post,
            parent_id=row["parent_id"],
            text=row["text"],
            created_ms=row["created_ms"],
            author_id=page.native_id,
            author_name=page.display_name,
            likes=0,
            committed_at=row["committed_at"],
        )


def _of_audience(post: Post, comment: Comment) -> Remark:
    return Remark(
        native_id=comment.native_id,
        post=post,
        parent_id=None,
        text=comment.text,
        created_ms=comment.created_ms,
        author_id=comment.author_id,
        author_name=comment.author_name,
        likes=comment.likes,
    )
