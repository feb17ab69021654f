"""What the functions do outside the database, done at once by a test."""

from __future__ import annotations

from tests.support.actors import Actors, Row


def work(actors: Actors) -> None:
    """Do all jobs, as the functions do: make pictures ready, remove files, and make the files of newsletters."""
    actors.run("select set_config('storage.allow_delete_query', 'true', true)")
    while jobs := actors.service().rows("claim_jobs", worker="test", job_limit=1):
        (job,) = jobs
        payload = job["payload"]
        if job["kind"] == "storage.remove":
            if not payload.get("in_use"):
                name = payload["path"] if "path" in payload else payload["folder"] + "/%"
                actors.run(
                    "delete from storage.objects where bucket_id = %s and name like %s", payload["bucket_id"], name
                )
        elif job["kind"] == "picture.derive":
            derive(actors, payload["bucket_id"], payload["path"])
        else:
            make_files(actors, job["kind"], payload["newsletter_id"])
        actors.service().call("finish_job", job_id=job["id"], worker="test")
    actors.run("select set_config('storage.allow_delete_query', 'false', true)")


def derive(actors: Actors, bucket: str, path: str) -> None:
    there = "select 1 from storage.objects where bucket_id = %s and name = %s"
    if actors.run(there, bucket, path):
        file = f"{bucket}/{path}/page.jpeg"
        actors.run("insert into storage.objects (bucket_id, name) values ('derived', %s) on conflict do nothing", file)
    files = {"page": {"name": "page.jpeg", "width": 4, "height": 3, "bytes": 1}}
    actors.service().call("settle_picture", bucket_id=bucket, path=path, width=4, height=3, files=files)


def make_files(actors: Actors, kind: str, newsletter_id: str) -> None:
    rows = actors.run("select * from public.newsletters where id = %s and is_published", newsletter_id)
    if not rows:
        return
    (row,) = rows
    folder = f"{row['space_id']}/{row['id']}"
    if kind == "newsletter.mail":
        actors.run("select save_newsletter_mail(%s, '{}')", row["id"])
        return
    if kind == "newsletter.pdf":
        names, column = [f"{folder}/newsletter.pdf"], "pdf_path"
    else:
        names, column = [f"{folder}/newsletter.html"], "html_path"
        former = f"{folder}/pictures/%"
        actors.run("delete from storage.objects where bucket_id = 'newsletters' and name like %s", former)
        names += [f"{folder}/pictures/{name}" for name in sorted(copies_of(row["content"]))]
    for name in names:
        actors.run(
            "insert into storage.objects (bucket_id, name) values ('newsletters', %s) on conflict do nothing", name
        )
    actors.run(f"update public.newsletters set {column} = %s where id = %s", names[0], row["id"])


def copies_of(content: Row) -> set[str]:
    """The pictures that a newsletter keeps copies of."""
    names = {"cover.jpeg"} if content["space"]["cover_path"] else set[str]()
    for response in (response for prompt in content["prompts"] for response in prompt["responses"]):
        if response["image_path"]:
            names.add(f"{response['id']}.png")
        if response["author"]["avatar_path"]:
            names.add(f"avatar-{response['author']['avatar_path'].split('/')[0]}.png")
    return names
